/// What happens to text before it is cut into words.
protocol Normalizer: Sendable {
  /// Whether a `tokenizer.json` writes it as steps of those types, with some settings.
  static func isWritten(as types: [String]) -> Bool

  /// The normalizer that steps of those types are, with their settings.
  init(_ steps: [TokenizerStep]) throws(TokenizerError)

  /// The normalizer that the serialized form calls `name`; nil where that is none of this type.
  init?(name: String)

  /// What the serialized form calls it, its settings included.
  var name: String { get }

  /// The JSON that a `tokenizer.json` writes it as; nil where none does.
  var json: String? { get }

  /// Whether it puts a space before a text.
  var addsSpace: Bool { get }

  /// Whether every space and line of a text is still there, however it is written.
  var keepsSpaces: Bool { get }

  /// `text`, UTF-8, normalised.
  func normalized(_ text: [UInt8]) -> [UInt8]
}

extension Normalizer {
  var json: String? { nil }
  var addsSpace: Bool { false }
  var keepsSpaces: Bool { true }
}

/// Leaves text as it is.
struct Unnormalized: Normalizer {
  static func isWritten(as types: [String]) -> Bool { types.isEmpty }

  let name = "none"
  let json: String? = "null"

  init() {}

  init(_ steps: [TokenizerStep]) {}

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func normalized(_ text: [UInt8]) -> [UInt8] { text }
}
