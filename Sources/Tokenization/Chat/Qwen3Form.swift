/// ChatML with thoughts: Qwen3. What an assistant thought stays in the turns after the last question
/// alone, and thinking is left to the model, which is what the template does unless it is told.
struct Qwen3Form: OutlinedChatForm {
  static let named = [Qwen3Form()]

  let name = "qwen3"

  static let outlines = [
    // Qwen3, with tools besides, as first published and since.
    "27d574b117897927a0befe1dfa6e2dffc6862c945da581ccda3c6897819571b2": Qwen3Form(),
    "29a11c2bc4954fe49e8f7d9596baae777eed382ae13dd23c762b29a51f1bb11c": Qwen3Form(),
  ]

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    var pieces: [ChatPiece] = []
    let query = Self.lastQuery(messages)
    for (index, message) in messages.enumerated() {
      guard message.role == "assistant" else {
        pieces += ChatMLForm.turn(message.role, message.content)
        continue
      }
      var (thought, answer) = Self.parted(Array(message.content.utf8))
      if index > query, index == messages.count - 1 || !thought.isEmpty {
        thought = JinjaText.withoutLines(thought, atStart: true, atEnd: true)
        answer = JinjaText.withoutLines(answer, atStart: true, atEnd: false)
        let shown = "<think>\n" + Self.text(thought) + "\n</think>\n\n" + Self.text(answer)
        pieces += ChatMLForm.turn("assistant", shown)
      } else {
        pieces += ChatMLForm.turn("assistant", Self.text(answer))
      }
    }
    if opens { pieces += [.token("<|im_start|>"), .text("assistant\n")] }
    return pieces
  }

  /// The place of the last user's message that is not a tool's response; the last message's where
  /// there is none.
  private static func lastQuery(_ messages: [ChatMessage]) -> Int {
    messages.lastIndex { message in
      message.role == "user"
        && !(message.content.utf8.starts(with: "<tool_response>".utf8)
          && message.content.utf8.reversed().starts(with: "</tool_response>".utf8.reversed()))
    } ?? messages.count - 1
  }

  /// What an assistant's message thinks and what it says.
  private static func parted(
    _ content: [UInt8]
  ) -> (thought: ArraySlice<UInt8>, answer: ArraySlice<UInt8>) {
    let (opening, closing) = (Array("<think>".utf8), Array("</think>".utf8))
    let ends = content.ranges(of: closing)
    guard let first = ends.first, let last = ends.last else { return ([], content[...]) }
    var thought = JinjaText.withoutLines(
      content[..<first.lowerBound], atStart: false, atEnd: true)
    if let start = thought.ranges(of: opening).last { thought = thought[start.upperBound...] }
    return (
      JinjaText.withoutLines(thought, atStart: true, atEnd: false),
      JinjaText.withoutLines(content[last.upperBound...], atStart: true, atEnd: false)
    )
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
