/// Cuts text into the words that a model makes tokens within.
///
/// A pre-tokenizer that is published as a regular expression is written out as a scanner; the
/// expression stands beside it. All take time linear in the text's length.
protocol PreTokenizer: Sendable {
  /// Whether a `tokenizer.json` writes it as steps of those types, with some settings.
  static func isWritten(as types: [String]) -> Bool

  /// The pre-tokenizer that steps of those types are; nil where their settings are another's.
  init?(_ steps: [TokenizerStep]) throws(TokenizerError)

  /// The pre-tokenizer that the serialized form calls `name`; nil where that is none of this type.
  init?(name: String)

  /// What the serialized form calls it, its settings included.
  var name: String { get }

  /// The JSON that a `tokenizer.json` writes it as.
  var json: String { get }

  /// Whether it puts a space before a text that has none there.
  var addsSpace: Bool { get }

  /// `text`, normalised UTF-8 without added tokens, as the words are cut out of it.
  ///
  /// - Parameter isFirst: whether it is the beginning of what is encoded.
  func marked(_ text: [UInt8], isFirst: Bool) -> [UInt8]

  /// Calls `body` with the byte range of each word of `text`, in order, none empty. `text` is
  /// UTF-8. Only what no token stands for, as white space in WordPiece, is in no word.
  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void)
}

extension PreTokenizer {
  var addsSpace: Bool { false }

  func marked(_ text: [UInt8], isFirst: Bool) -> [UInt8] { text }
}

/// A pre-tokenizer without settings of its own.
protocol FixedPreTokenizer: PreTokenizer {
  /// What the serialized form calls it.
  static var name: String { get }

  /// The types of the steps that a `tokenizer.json` writes it as.
  static var steps: [String] { get }

  /// The JSON that a `tokenizer.json` writes it as.
  static var json: String { get }

  /// Whether steps of those types have this pre-tokenizer's settings.
  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool

  init()
}

extension FixedPreTokenizer {
  static func isWritten(as types: [String]) -> Bool { types == steps }

  init?(_ steps: [TokenizerStep]) throws(TokenizerError) {
    guard try Self.accepts(steps) else { return nil }
    self.init()
  }

  init?(name: String) {
    guard name.utf8.elementsEqual(Self.name.utf8) else { return nil }
    self.init()
  }

  var name: String { Self.name }
  var json: String { Self.json }
}

extension TokenizerStep {
  /// Whether this `ByteLevel` step applies GPT-2's expression. One that adds a space to the text
  /// is refused.
  func splitsWords() throws(TokenizerError) -> Bool {
    try fields.refuse("add_prefix_space", advice: "use a tokenizer that adds no space to the text")
    return try fields.bool("use_regex") ?? true
  }
}
