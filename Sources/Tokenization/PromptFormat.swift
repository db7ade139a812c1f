/// How prompts and responses become token ids: the one way for precomputing, training and generating.
///
/// A prompt as text goes as it is, or, where a template was named, as one user message through it.
/// Messages go through the named template, or the tokenizer's own. What a user wrote is never read for
/// special tokens, unless asked; templates alone insert them.
///
/// What a source reads at once stands between the tokens that its tokenizer puts around a text: a
/// prompt is framed (``Tokenizer/encode(_:special:framed:)``), unless its template writes tokens of
/// its own, and a response, which goes on from a prompt, never is.
public struct PromptFormat: Sendable {
  public enum Prompt: Equatable, Sendable {
    case raw(String)
    case messages([ChatMessage])

    /// In one spelling only: text as it is, messages as JSON without white space, `[{"role":"user","content":"..."}]`.
    public var canonical: [UInt8] {
      switch self {
      case .raw(let text):
        return Array(text.utf8)
      case .messages(let messages):
        var json = CanonicalJSON()
        json.list(messages) { json, message in
          json.open("{")
          json.member("role", message.role)
          json.member("content", message.content)
          json.close("}")
        }
        return json.bytes
      }
    }
  }

  /// A prompt as text, for people and for keys, and as token ids.
  public struct Encoded: Equatable, Sendable {
    public let text: [UInt8]
    public let ids: [Int32]
    /// Has a character that the tokenizer has no token for.
    public let isLossy: Bool
    /// What was encoded; `nil`: `text` and `ids` alone are known.
    public let given: Prompt?

    public init(text: [UInt8], ids: [Int32], isLossy: Bool, given: Prompt? = nil) {
      self.text = text
      self.ids = ids
      self.isLossy = isLossy
      self.given = given
    }

    public static let empty = Encoded(text: [], ids: [], isLossy: false, given: .raw(""))
  }

  public let tokenizer: Tokenizer
  private let named: ChatTemplate?

  /// - Parameter template: a template by name; `nil` leaves plain prompts plain.
  public init(_ tokenizer: Tokenizer, template: String? = nil) throws(TokenizerError) {
    self.tokenizer = tokenizer
    if let template { named = try ChatTemplate.named(template) } else { named = nil }
  }

  /// The named template.
  public var templateName: String? { named?.name }

  /// - Parameter special: whether special tokens spelled in a plain prompt become those tokens.
  public func prompt(_ prompt: Prompt, special: Bool = false) throws(TokenizerError) -> Encoded {
    let messages: [ChatMessage]
    switch (prompt, named) {
    case (.raw(let text), nil):
      return Encoded(
        text: Array(text.utf8), ids: tokenizer.encode(text, special: special),
        isLossy: !tokenizer.canEncode(text), given: prompt)
    case (.raw(let text), _?):
      messages = [ChatMessage(role: "user", content: text)]
    case (.messages(let given), _):
      messages = given
    }
    let template = if let named { named } else { try tokenizer.template() }
    return Encoded(
      text: Array(try template.text(for: messages).utf8),
      ids: try template.ids(for: messages, tokenizer: tokenizer),
      isLossy: messages.contains { !tokenizer.canEncode($0.content) }, given: prompt)
  }

  /// A response's ids, which end in ``Tokenizer/endOfTextID``, where the tokenizer has one.
  ///
  /// It is encoded as a text of its own. SentencePiece puts a space before that, and decoding takes it
  /// away again: a generator that learned these ids writes the response.
  public func response(_ text: String) -> [Int32] {
    tokenizer.encode(text, framed: false) + (tokenizer.endOfTextID.map { [$0] } ?? [])
  }
}
