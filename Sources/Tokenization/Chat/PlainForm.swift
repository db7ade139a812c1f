/// The contents alone, a line feed between them.
struct PlainForm: ChatForm {
  static let named = [PlainForm()]

  let name = "none"

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    [.text(messages.map(\.content).joined(separator: "\n"))]
  }
}
