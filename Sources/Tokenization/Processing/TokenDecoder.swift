/// How tokens' pieces become text again.
protocol TokenDecoder: Sendable {
  /// Whether a `tokenizer.json` writes it as steps of those types, with some settings.
  static func isWritten(as types: [String]) -> Bool

  /// Whether the text of a text's ids is that text, up to normalisation, where nothing but
  /// ``stripsSpace`` takes away from it.
  static var isExact: Bool { get }

  /// The decoder as steps of those types say.
  init(_ steps: [TokenizerStep]) throws(TokenizerError)

  /// The decoder that the serialized form calls `name`; nil where that is none of this type.
  init?(name: String)

  /// What the serialized form calls it, its settings included.
  var name: String { get }

  /// The JSON that a `tokenizer.json` writes it as; nil where none does.
  var json: String? { get }

  /// Whether a space at the beginning of a text is taken away.
  var stripsSpace: Bool { get }

  /// Appends what `piece` is in a text, at its beginning or within it.
  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8])
}

extension TokenDecoder {
  var json: String? { nil }
  var stripsSpace: Bool { false }
}

/// Pieces are bytes, and joined they are the text.
struct ByteLevelDecoder: TokenDecoder {
  static let isExact = true

  static func isWritten(as types: [String]) -> Bool { types == ["ByteLevel"] }

  let name = "bytes"
  let json: String? =
    #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#

  init() {}

  init(_ steps: [TokenizerStep]) {}

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8]) { text += piece }
}
