/// What happens to text before it is cut into words.
protocol Normalizer: Sendable {
  /// The types of the steps that a `tokenizer.json` writes it as.
  static var steps: [String] { get }

  /// The normalizer that steps of those types are, with their settings.
  init(_ steps: [TokenizerStep]) throws(TokenizerError)

  /// The normalizer that the serialized form calls `name`; nil where that is none of this type.
  init?(name: String)

  /// What the serialized form calls it, its settings included.
  var name: String { get }

  /// `text`, UTF-8, normalised.
  func normalized(_ text: [UInt8]) -> [UInt8]
}

/// Leaves text as it is.
struct Unnormalized: Normalizer {
  static let steps: [String] = []

  let name = "none"

  init() {}

  init(_ steps: [TokenizerStep]) {}

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func normalized(_ text: [UInt8]) -> [UInt8] { text }
}
