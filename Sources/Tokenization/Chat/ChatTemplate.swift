/// How a conversation becomes one prompt.
///
/// Templates are known by name, or recognised in a model's file (``init(recognizing:)``); no
/// Jinja is run. A template's own tokens are inserted as ids. The messages are encoded as plain
/// text, so that nothing written in one can end a turn or begin another.
public struct ChatTemplate: Sendable, Equatable {
  let form: any ChatForm

  init(form: any ChatForm) { self.form = form }

  public var name: String { form.name }

  public static func == (left: ChatTemplate, right: ChatTemplate) -> Bool {
    left.name.utf8.elementsEqual(right.name.utf8) && left.form.system == right.form.system
  }

  /// The names that ``named(_:)`` knows.
  static let nameList = ChatFormRegistry.named.map(\.name).joined(separator: ", ")

  /// The template called `name`: a family's, `llm-modules` (the System/User/Assistant form of LLM
  /// Modules, arXiv 2502.08213) or `none` (the messages alone).
  public static func named(_ name: String) throws(TokenizerError) -> ChatTemplate {
    guard
      let form = ChatFormRegistry.named.first(where: { $0.name.utf8.elementsEqual(name.utf8) })
    else { throw .unknownTemplate(name: name) }
    return ChatTemplate(form: form)
  }

  /// The template that `jinja`, the text in a model's file, is; nil when it is not one of those
  /// known.
  init?(recognizing jinja: [UInt8]) {
    guard let outline = JinjaOutline(jinja) else { return nil }
    for form in ChatFormRegistry.forms {
      if let found = form.recognize(outline) {
        self.init(form: found)
        return
      }
    }
    return nil
  }

  /// The ids of the rendered conversation.
  ///
  /// - Parameter addGenerationPrompt: whether to open the assistant's turn at the end.
  public func ids(
    for messages: [ChatMessage], tokenizer: Tokenizer, addGenerationPrompt: Bool = true
  ) throws(TokenizerError) -> [Int32] {
    var parts: [TextPart] = []
    var text = ""
    for piece in try pieces(of: messages, opens: addGenerationPrompt) {
      switch piece {
      case .text(let more): text += more
      case .mark(let token), .token(let token):
        guard let id = tokenizer.specialID(token) else {
          guard case .mark = piece else { throw .templateToken(template: name, token: token) }
          text += token
          continue
        }
        if !text.isEmpty { parts.append(.text(text)) }
        parts.append(.token(id))
        text = ""
      }
    }
    // A template with tokens of its own says all that the prompt begins and ends with.
    guard !parts.isEmpty else { return tokenizer.encode(text) }
    return tokenizer.encode(text.isEmpty ? parts : parts + [.text(text)])
  }

  /// The rendered conversation as text, the template's tokens spelled out. For people to read:
  /// encoding it is not the same as ``ids(for:tokenizer:addGenerationPrompt:)``.
  public func text(
    for messages: [ChatMessage], addGenerationPrompt: Bool = true
  ) throws(TokenizerError) -> String {
    try pieces(of: messages, opens: addGenerationPrompt).map(\.spelling).joined()
  }

  private func pieces(
    of messages: [ChatMessage], opens: Bool
  ) throws(TokenizerError) -> [ChatPiece] {
    guard !messages.isEmpty else {
      throw .messages("a conversation needs at least one message")
    }
    for (index, message) in messages.enumerated()
    where !["system", "user", "assistant"].contains(message.role) {
      throw .messages(
        "message \(index + 1) has the role \(quoted(message.role)); "
          + "the chat templates know system, user and assistant")
    }
    return try form.pieces(of: messages, opens: opens)
  }
}
