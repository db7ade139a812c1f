/// How tokens' pieces become text again.
protocol TokenDecoder: Sendable {
  /// The type that a `tokenizer.json` calls it.
  static var type: String { get }

  /// Whether the text of a text's ids is that text, up to normalisation.
  static var isExact: Bool { get }

  /// The decoder as `fields`, a step of that type, says.
  init(_ fields: FieldReader) throws(TokenizerError)

  /// The decoder that the serialized form calls `name`; nil where that is none of this type.
  init?(name: String)

  /// What the serialized form calls it, its settings included.
  var name: String { get }

  /// Appends what `piece` is in a text, at its beginning or within it.
  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8])
}

/// Pieces are bytes, and joined they are the text.
struct ByteLevelDecoder: TokenDecoder {
  static let type = "ByteLevel"
  static let isExact = true

  let name = "bytes"

  init() {}

  init(_ fields: FieldReader) {}

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8]) { text += piece }
}
