/// A family's way of writing conversations, of one or several chat templates that are alike.
///
/// What a template refuses, by raising an exception, its form throws.
protocol ChatForm: Sendable {
  /// The templates of this form that have a name, by which they are asked for.
  static var named: [Self] { get }

  /// The template of this form that a file's text says; nil where it says another.
  static func recognize(_ outline: JinjaOutline) -> Self?

  var name: String { get }

  /// The system message of conversations without one, where that is not fixed by ``name``.
  var system: [UInt8]? { get }

  /// The same with another such message.
  func saying(system: [UInt8]?) -> Self

  /// The conversation in pieces. `messages` is not empty, and has no other roles than system, user
  /// and assistant.
  ///
  /// - Parameter opens: whether to open the assistant's turn at the end.
  func pieces(
    of messages: [ChatMessage], opens: Bool
  ) throws(TokenizerError) -> [ChatPiece]
}

extension ChatForm {
  static func recognize(_ outline: JinjaOutline) -> Self? { nil }

  var system: [UInt8]? { nil }

  func saying(system: [UInt8]?) -> Self { self }
}

/// A form whose templates are recognised as they stand.
protocol OutlinedChatForm: ChatForm {
  /// The templates by SHA-256 over ``JinjaOutline/bytes``.
  static var outlines: [String: Self] { get }
}

extension OutlinedChatForm {
  static func recognize(_ outline: JinjaOutline) -> Self? {
    outlines[SHA256Text.hexadecimal(outline.bytes)]
  }
}

/// A piece of a rendered conversation.
enum ChatPiece: Equatable, Sendable {
  /// A special token that the tokenizer must have.
  case token(String)
  /// Markup that is a special token where the tokenizer has it as one, and text elsewhere.
  case mark(String)
  case text(String)

  var spelling: String {
    switch self {
    case .token(let text), .mark(let text), .text(let text): text
    }
  }
}

/// The forms that are known.
enum ChatFormRegistry {
  static let forms: [any ChatForm.Type] = [
    ChatMLForm.self, LabelledForm.self, PlainForm.self, Qwen3Form.self, Llama3Form.self,
    MistralForm.self, PhiForm.self, GemmaForm.self,
  ]

  /// The templates that have a name.
  static let named: [any ChatForm] = forms.flatMap { $0.named as [any ChatForm] }
}
