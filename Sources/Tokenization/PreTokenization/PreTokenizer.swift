/// Cuts text into the words that a model makes tokens within.
///
/// A pre-tokenizer that is published as a regular expression is written out as a scanner; the
/// expression stands beside it. All take time linear in the text's length.
protocol PreTokenizer: Sendable {
  /// What the serialized form calls it.
  static var name: String { get }

  /// The types of the steps that a `tokenizer.json` writes it as.
  static var steps: [String] { get }

  /// The JSON that a `tokenizer.json` writes it as.
  static var json: String { get }

  /// Whether steps of those types have this pre-tokenizer's settings.
  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool

  init()

  /// Calls `body` with the byte range of each word of `text`, in order, none empty. `text` is
  /// UTF-8. Only what no token stands for, as white space in WordPiece, is in no word.
  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void)
}

extension TokenizerStep {
  /// Whether this `ByteLevel` step applies GPT-2's expression. One that adds a space to the text
  /// is refused.
  func splitsWords() throws(TokenizerError) -> Bool {
    try fields.refuse("add_prefix_space", advice: "use a tokenizer that adds no space to the text")
    return try fields.bool("use_regex") ?? true
  }
}
