/// `<start_of_turn>role\ncontent<end_of_turn>\n`, the assistant called `model`: Gemma. White space
/// around a content goes, and users and assistants take turns.
struct GemmaForm: OutlinedChatForm {
  let name: String
  private let begins: Bool
  /// Whether a system message goes before the first user's; otherwise it is refused.
  private let hasSystem: Bool

  static let named = [third, second, first]

  private static let third = GemmaForm(name: "gemma3", begins: true, hasSystem: true)
  private static let second = GemmaForm(name: "gemma2", begins: true, hasSystem: false)
  private static let first = GemmaForm(name: "gemma", begins: false, hasSystem: false)

  static let outlines = [
    "cc21a7592d97cc46be153a450d0f1197408fd69d2d6aad9c19e6664328850e98": third,
    "5032b4902d91eb0adb692fdc03f155f54fdf1eeb7488c3664d562dbd35aaba42": second,
    "620fcd1c97bd68b2c254429992c6a5faea524aefa6baa4a325315d0b00297d53": first,
  ]

  func pieces(
    of messages: [ChatMessage], opens: Bool
  ) throws(TokenizerError) -> [ChatPiece] {
    var pieces: [ChatPiece] = begins ? [.token("<bos>")] : []
    var rest = messages[...]
    var system = ""
    if let message = rest.first, message.role == "system" {
      guard hasSystem else {
        throw .messages("the chat template \(name) has no system message; leave it out")
      }
      system = message.content + "\n\n"
      rest = rest.dropFirst()
    }
    for (offset, message) in rest.enumerated() {
      guard (message.role == "user") == (offset % 2 == 0) else {
        throw .messages(
          "message \(rest.startIndex + offset + 1) is of the role \(message.role); the chat template "
            + "\(name) has user and assistant in turns")
      }
      let role = message.role == "assistant" ? "model" : message.role
      let content = (offset == 0 ? system : "") + JinjaText.trimmed(message.content)
      pieces += [
        .token("<start_of_turn>"), .text(role + "\n" + content), .token("<end_of_turn>"),
        .text("\n"),
      ]
    }
    if opens { pieces += [.token("<start_of_turn>"), .text("model\n")] }
    return pieces
  }
}
