/// `[INST] content [/INST]`, then an answer and `</s>`: Mistral. The versions differ in the spaces,
/// and in where the system message goes. `[INST]` is a special token from version 3 on.
struct MistralForm: OutlinedChatForm {
  private enum SystemPlace {
    /// Nowhere: it is refused.
    case none
    /// Before the first, or the last, of the users' messages, where the conversation begins with it.
    case first, last
    /// Wherever it stands, and in any order.
    case own
  }

  let name: String
  private let systemPlace: SystemPlace
  /// What a user's message stands between.
  private let opening: [ChatPiece]
  private let closing: [ChatPiece]
  /// What an answer begins with.
  private let space: String
  /// Whether the white space around an answer goes.
  private var trims = false

  static let named = [old, first, third, nemo, seventh]

  private static let old = MistralForm(
    name: "mistral-v0", systemPlace: .none, opening: [.mark("[INST]"), .text(" ")],
    closing: [.text(" "), .mark("[/INST]")], space: "")
  private static let first = MistralForm(
    name: "mistral-v1", systemPlace: .first,
    opening: [.text(" "), .mark("[INST]"), .text(" ")],
    closing: [.text(" "), .mark("[/INST]")], space: " ")
  private static let third = MistralForm(
    name: "mistral-v3", systemPlace: .last, opening: [.mark("[INST]"), .text(" ")],
    closing: [.mark("[/INST]")], space: " ", trims: true)
  private static let nemo = MistralForm(
    name: "mistral-nemo", systemPlace: .last, opening: [.mark("[INST]")],
    closing: [.mark("[/INST]")], space: "")
  private static let seventh = MistralForm(
    name: "mistral-v7", systemPlace: .own, opening: [.mark("[INST]"), .text(" ")],
    closing: [.mark("[/INST]")], space: " ")

  static let outlines = [
    // Mistral 7B Instruct 0.1 and 0.2 as first published.
    "1e0a09dd09c77a677ba29a896896f686491d1779027d7bbb6f0505878a734640": old,
    // Mistral 7B Instruct 0.2, Mixtral.
    "3886d455f8e760f3f8e5eaf7022f56f8a9a44ddddefa37c3a442fc5c231d061d": first,
    // Mistral 7B Instruct 0.3, Mistral Large 2407: tools besides.
    "384eb595f4f2b7be01212bdb1a7ddff0e52d9ce07f76ba2627df2556fd0c7baf": third,
    // Mistral Nemo, likewise.
    "d398f179932414273dcf99ab1b90e5d4a92d2d4b543410ae6fceb1276ef943c6": nemo,
    // Mistral Large 2411.
    "2d3f9fd6a86fdb7a54c957de38c45d3d1bdb542f3ceb31bfa6f5a460c200b1aa": seventh,
  ]

  func pieces(
    of messages: [ChatMessage], opens: Bool
  ) throws(TokenizerError) -> [ChatPiece] {
    var pieces: [ChatPiece] = [.token("<s>")]
    var rest = messages[...]
    var system: String?
    if systemPlace == .first || systemPlace == .last, rest.first?.role == "system" {
      system = rest.popFirst()?.content
    }
    if systemPlace != .own { try check(rest) }
    for (index, message) in zip(rest.indices, rest) {
      switch message.role {
      case "user":
        let isPlace = systemPlace == .first ? index == rest.startIndex : index == rest.endIndex - 1
        let before = isPlace ? system.map { $0 + "\n\n" } ?? "" : ""
        pieces += opening + [.text(before + message.content)] + closing
      case "system":
        pieces += [
          .mark("[SYSTEM_PROMPT]"), .text(" " + message.content), .mark("[/SYSTEM_PROMPT]"),
        ]
      default:
        let content = trims ? JinjaText.trimmed(message.content) : message.content
        pieces += [.text(space + content), .token("</s>")]
      }
    }
    return pieces
  }

  /// Refuses conversations in which users and assistants do not take turns, as the template does.
  private func check(_ messages: ArraySlice<ChatMessage>) throws(TokenizerError) {
    for (offset, pair) in zip(messages.indices, messages).enumerated() {
      let (index, message) = pair
      guard message.role == (offset % 2 == 0 ? "user" : "assistant") else {
        throw .messages(
          "message \(index + 1) is of the role \(message.role); the chat template \(name) has user "
            + "and assistant in turns"
            + (systemPlace == .none ? " and no system message" : ", after a system message or none")
        )
      }
    }
  }
}
