/// `<|role|>\ncontent<|end|>\n`: Phi-3 and Phi-3.5.
struct PhiForm: OutlinedChatForm {
  let name: String
  /// Whether the conversation begins with `<s>`.
  private let begins: Bool
  /// Whether every user's message opens the assistant's turn at once, and system messages are
  /// left out: the first templates of the family.
  private let opensAlways: Bool
  /// Whether a system message without content is left out.
  private let dropsEmptySystem: Bool

  static let named = [latest, mini, small, medium, early]

  private static let latest = PhiForm(
    name: "phi3.5", begins: false, opensAlways: false, dropsEmptySystem: true)
  private static let mini = PhiForm(
    name: "phi3", begins: false, opensAlways: false, dropsEmptySystem: false)
  private static let small = PhiForm(
    name: "phi3-small", begins: true, opensAlways: false, dropsEmptySystem: false)
  private static let medium = PhiForm(
    name: "phi3-medium", begins: false, opensAlways: true, dropsEmptySystem: false)
  private static let early = PhiForm(
    name: "phi3-early", begins: true, opensAlways: true, dropsEmptySystem: false)

  static let outlines = [
    "c75937d176d41b8770e33068e9f02ffed636a3cf3dce3eb66f5c6e6a7a7e45f3": latest,
    "377ea522f4a3c649528b636831d970c8119b3055761e5aa43aa58628c221d48a": small,
    "65537530d3303c1abfd7fa6e8044d02248b724b5e054db9c569be6b8073bd836": medium,
    "333a44eda63dc8c7ea2096f097921d3f9f21b0ad7a2800bad4e4bae8bb78f1dd": early,
    "bb2805b4199af081b0a73ec87e107883c90b9b255fb7379570d886bf775c0e28": mini,
  ]

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    var pieces: [ChatPiece] = begins ? [.token("<s>")] : []
    for message in messages {
      let end: [ChatPiece] = [.text(message.content), .token("<|end|>"), .text("\n")]
      switch message.role {
      case "assistant" where opensAlways: pieces += end
      case "system" where opensAlways || dropsEmptySystem && message.content.isEmpty: break
      default:
        pieces += Self.header(message.role) + end
        if opensAlways { pieces += Self.header("assistant") }
      }
    }
    guard !opensAlways else { return pieces }
    return pieces + (opens ? Self.header("assistant") : [.token("<|endoftext|>")])
  }

  private static func header(_ role: String) -> [ChatPiece] {
    [.token("<|\(role)|>"), .text("\n")]
  }
}
