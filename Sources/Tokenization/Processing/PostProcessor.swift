/// The tokens that a tokenizer puts around a whole text.
struct TextFrame: Sendable, Equatable {
  /// The token before the text; nil where there is none.
  var beginID: Int32?
  /// The token after it.
  var closingID: Int32?
}

/// A kind of post-processing step: what it puts around a text.
protocol PostProcessor: Sendable {
  /// The type that a `tokenizer.json` calls it.
  var type: String { get }

  /// Changes `frame` as `step` says.
  func apply(_ step: FieldReader, to frame: inout TextFrame) throws(TokenizerError)
}

/// `ByteLevel` changes the tokens' offsets alone.
struct ByteLevelProcessing: PostProcessor {
  let type = "ByteLevel"

  func apply(_ step: FieldReader, to frame: inout TextFrame) {}
}
