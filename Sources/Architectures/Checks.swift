import Layers
import ModelFiles

/// Checks that families share: values that a configuration must have, and sizes within bounds.
enum Checks {
  static func isFalse(_ value: JSONValue) -> Bool {
    if case .bool(false) = value { true } else { false }
  }

  static func isTrue(_ value: JSONValue) -> Bool {
    if case .bool(true) = value { true } else { false }
  }

  static func isText(_ value: JSONValue, _ text: String) -> Bool {
    if case .string(text) = value { true } else { false }
  }

  static func isNumber(_ value: JSONValue, _ number: Int) -> Bool {
    switch value {
    case .integer(let integer): integer == number
    case .number(let double): double == Double(number)
    default: false
    }
  }

  /// Refuses what no family here computes: other classes, quantized weights, encoders with decoders.
  static func refuseUnimplemented(
    _ reader: ConfigurationReader, classes: Set<String>
  ) throws(ModelFileError) {
    for name in try reader.strings("architectures") ?? [] where !classes.contains(name) {
      throw reader.unsupported(
        "architectures", .string(name), supported: classes.sorted().joined(separator: " or "))
    }
    try reader.refuse("quantization_config", unless: { _ in false }, supported: "plain weights")
    for key in ["is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"] {
      try reader.refuse(key, unless: isFalse, supported: "\(key) false")
    }
  }

  /// `head_dim`, or what is usual, or the width's share of a head.
  static func headSize(
    _ reader: ConfigurationReader, width: Int, heads: Int, key: String, usual: Int? = nil
  ) throws(ModelFileError) -> Int {
    if let size = try reader.integer("head_dim") ?? usual {
      try require("head size", size, in: 1...largestHead, file: reader.file)
      return size
    }
    guard heads > 0, width > 0, width % heads == 0 else {
      throw .malformed(
        file: reader.file, item: key, expected: "a divisor of hidden_size \(width)",
        found: "\(heads)")
    }
    let size = width / heads
    try require("head size", size, in: 1...largestHead, file: reader.file)
    return size
  }

  /// Throws `malformed`, naming `file` and the quantity, unless it is within bounds.
  static func require(
    _ name: String, _ value: Int, in bounds: ClosedRange<Int>, file: String
  ) throws(ModelFileError) {
    guard bounds.contains(value) else {
      throw .malformed(
        file: file, item: name, expected: "\(bounds.lowerBound) to \(bounds.upperBound)",
        found: "\(value)")
    }
  }

  static func requirePositive(
    _ name: String, _ value: Float, file: String
  ) throws(ModelFileError) {
    guard value > 0, value.isFinite else {
      throw .malformed(file: file, item: name, expected: "a positive number", found: "\(value)")
    }
  }

  /// Turning channels are pairs of a head's.
  static func requireRotary(
    _ rotary: RotaryDescription, headSize: Int, file: String
  ) throws(ModelFileError) {
    try requirePositive("RoPE theta", rotary.theta, file: file)
    guard let channels = rotary.dimensions else {
      guard headSize % 2 == 0 else {
        throw .malformed(
          file: file, item: "head size", expected: "an even number, as rotary pairs need",
          found: "\(headSize)")
      }
      return
    }
    guard (1...headSize).contains(channels), channels + channels % 2 <= headSize else {
      throw .malformed(
        file: file, item: "rotary channels", expected: "pairs within a head's \(headSize)",
        found: "\(channels)")
    }
    if case .factors(let factors, _) = rotary.scaling, factors.count != (channels + 1) / 2 {
      throw .malformed(
        file: file, item: "rotary factors", expected: "\((channels + 1) / 2), one a pair",
        found: "\(factors.count)")
    }
  }

  /// Far above any model.
  static let mostLayers = 1 << 12
  static let widest = 1 << 20
  static let largestHead = 1 << 14
  static let mostPositions = 1 << 28

  /// The sizes that every transformer has, and how many heads share how many.
  ///
  /// The bounds are far above any model and far below where a product of sizes, in bytes, would
  /// overflow: vocabulary times width, layers times positions times width.
  static func requireSizes(_ sizes: TransformerSizes, file: String) throws(ModelFileError) {
    try require("hidden size", sizes.hiddenSize, in: 1...widest, file: file)
    try require("intermediate size", sizes.intermediateSize, in: 1...1 << 22, file: file)
    try require("layer count", sizes.layerCount, in: 1...mostLayers, file: file)
    try require("attention head count", sizes.headCount, in: 1...1 << 14, file: file)
    try require(
      "key-value head count", sizes.keyValueHeadCount, in: 1...sizes.headCount, file: file)
    try require("head size", sizes.headSize, in: 1...largestHead, file: file)
    try require("query width", sizes.headCount * sizes.headSize, in: 1...1 << 20, file: file)
    try require("vocabulary size", sizes.vocabularySize, in: 1...1 << 26, file: file)
    try require("maximum positions", sizes.maximumPositions, in: 1...mostPositions, file: file)
    guard sizes.headCount % sizes.keyValueHeadCount == 0 else {
      throw .malformed(
        file: file, item: "attention head count",
        expected: "a multiple of the \(sizes.keyValueHeadCount) key-value heads",
        found: "\(sizes.headCount)")
    }
  }
}

extension Checks {
  /// Heads that are the width's parts, in families that have no other.
  static func requireWholeHeads(
    _ sizes: TransformerSizes, file: String
  ) throws(ModelFileError) {
    try require(
      "head count times head size", sizes.headCount * sizes.headSize,
      in: sizes.hiddenSize...sizes.hiddenSize, file: file)
  }
}

/// The sizes that every transformer has.
public struct TransformerSizes: Sendable, Equatable {
  /// Width of the hidden states.
  public var hiddenSize: Int
  /// Width inside the feed-forward half.
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var keyValueHeadCount: Int
  /// Width of one attention head; `headCount * headSize` need not be `hiddenSize`.
  public var headSize: Int
  public var vocabularySize: Int
  /// Positions the model was trained for.
  public var maximumPositions: Int

  public init(
    hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    keyValueHeadCount: Int, headSize: Int, vocabularySize: Int, maximumPositions: Int
  ) {
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.vocabularySize = vocabularySize
    self.maximumPositions = maximumPositions
  }
}
