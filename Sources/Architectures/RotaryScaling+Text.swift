import Foundation
import Layers
import ModelFiles

/// Reads a scaling of rotary positions from the object that a `config.json` has it in. Keys that a type does not
/// read are refused by name.
struct RotaryScalingReader {
  private let section: ConfigurationReader
  private let key: String
  private let theta: Float
  private let dimensions: Int
  private let positions: Int
  private let original: Int?
  private let names: [String: String]

  /// - Parameters:
  ///   - key: where the object stands, for errors.
  ///   - original: positions of the first training that stand outside of it, which go before its own.
  ///   - names: types by older names.
  init(
    _ section: ConfigurationReader, _ key: String, theta: Float, dimensions: Int, positions: Int,
    original: Int?, names: [String: String]
  ) {
    self.section = section
    self.key = key
    self.theta = theta
    self.dimensions = dimensions
    self.positions = positions
    self.original = original
    self.names = names
  }

  private static let common: Set<String> = [
    "rope_theta", "rope_type", "type", "partial_rotary_factor",
  ]
  private static let keys: [String: Set<String>] = [
    "default": [],
    "linear": ["factor"],
    "dynamic": ["factor"],
    "llama3": [
      "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
    ],
    "yarn": [
      "factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow",
      "mscale", "mscale_all_dim", "truncate",
    ],
    "longrope": [
      "factor", "original_max_position_embeddings", "attention_factor", "short_factor",
      "long_factor",
    ],
  ]

  /// The scaling, and the length from which it would depend on the length.
  func scaling() throws(ModelFileError) -> (scaling: RotaryScaling, longest: Int) {
    let (name, said) = try type()
    guard let known = Self.keys[name] else {
      throw section.unsupported(
        "\(key).\(said)", section.value(said) ?? .null,
        supported: "rope_type " + Self.keys.keys.sorted().joined(separator: ", "))
    }
    for (member, value) in section.object.members
    where !Self.common.contains(member) && !known.contains(member) {
      if case .null = value { continue }
      throw section.unsupported(
        "\(key).\(member)", value, supported: "\(key) of rope_type \(name) without it")
    }
    switch name {
    case "linear": return (.linear(factor: try number("factor")), .max)
    case "dynamic":
      // Up to the trained length the angles are those of no scaling.
      _ = try number("factor")
      return (.none, positions)
    case "llama3": return (try llama3(), .max)
    case "yarn": return (.yarn(try yarn()), .max)
    case "longrope": return try longRoPE()
    default: return (.none, .max)
    }
  }

  private func type() throws(ModelFileError) -> (name: String, said: String) {
    for said in ["rope_type", "type"] {
      if let name = try section.string(said) { return (names[name] ?? name, said) }
    }
    return ("default", "rope_type")
  }

  private func number(_ name: String, or other: Float? = nil) throws(ModelFileError) -> Float {
    guard let value = try section.float(name) ?? other else {
      throw section.missing("\(key).\(name)")
    }
    try Checks.requirePositive("\(key).\(name)", value, file: section.file)
    return value
  }

  private func originalPositions() throws(ModelFileError) -> Int {
    let said = try section.integer("original_max_position_embeddings")
    let count = original ?? said ?? positions
    try Checks.require(
      "\(key).original_max_position_embeddings", count, in: 1...1 << 28, file: section.file)
    return count
  }

  private func llama3() throws(ModelFileError) -> RotaryScaling {
    let (low, high) = (try number("low_freq_factor"), try number("high_freq_factor"))
    guard high > low else {
      throw .malformed(
        file: section.file, item: "\(key).high_freq_factor",
        expected: "more than low_freq_factor's \(low)", found: "\(high)")
    }
    return .llama3(
      factor: try number("factor"), low: low, high: high,
      original: Float(try originalPositions()))
  }

  private func yarn() throws(ModelFileError) -> RotaryScaling.Yarn {
    let original = try originalPositions()
    let factor = try number("factor", or: Float(positions) / Float(original))
    let (scale, scaleAll) = (
      try section.float("mscale") ?? 0, try section.float("mscale_all_dim") ?? 0
    )
    let usual =
      scale != 0 && scaleAll != 0
      ? RotaryScaling.Yarn.magnitude(factor: Double(factor), scale: Double(scale))
        / RotaryScaling.Yarn.magnitude(factor: Double(factor), scale: Double(scaleAll))
      : RotaryScaling.Yarn.magnitude(factor: Double(factor))
    return RotaryScaling.Yarn(
      factor: factor, original: Float(original), fast: try number("beta_fast", or: 32),
      slow: try number("beta_slow", or: 1),
      magnitude: try number("attention_factor", or: Float(usual)),
      truncates: try section.bool("truncate") ?? true)
  }

  private func longRoPE() throws(ModelFileError) -> (scaling: RotaryScaling, longest: Int) {
    let original = try originalPositions()
    for name in ["short_factor", "long_factor"] {
      let factors = try section.floats(name) ?? []
      guard factors.count == (dimensions + 1) / 2, factors.allSatisfy({ $0 > 0 && $0.isFinite })
      else {
        throw .malformed(
          file: section.file, item: "\(key).\(name)",
          expected: "\((dimensions + 1) / 2) positive numbers, one a pair",
          found: "\(factors.count)")
      }
    }
    let factor = try number("factor", or: Float(positions) / Float(original))
    return (
      .factors(
        try section.floats("short_factor") ?? [],
        magnitude: try number(
          "attention_factor",
          or: RotaryScaling.longRoPEMagnitude(factor: factor, original: original))), original
    )
  }
}

extension RotaryScaling {
  /// What LongRoPE multiplies cosines and sines by where nothing is said.
  static func longRoPEMagnitude(factor: Float, original: Int) -> Float {
    factor <= 1 || original <= 1
      ? 1 : Float((1 + log(Double(factor)) / log(Double(original))).squareRoot())
  }

  /// For a configuration's identity.
  var identityJSON: String {
    switch self {
    case .none: "null"
    case .linear(let factor): IdentityJSON.text([("factor", "\(factor)"), ("type", "\"linear\"")])
    case .llama3(let factor, let low, let high, let original):
      IdentityJSON.text([
        ("factor", "\(factor)"), ("high", "\(high)"), ("low", "\(low)"),
        ("original", "\(original)"), ("type", "\"llama3\""),
      ])
    case .yarn(let yarn):
      IdentityJSON.text([
        ("factor", "\(yarn.factor)"), ("fast", "\(yarn.fast)"), ("magnitude", "\(yarn.magnitude)"),
        ("original", "\(yarn.original)"), ("slow", "\(yarn.slow)"),
        ("truncates", "\(yarn.truncates)"), ("type", "\"yarn\""),
      ])
    case .factors(let factors, let magnitude):
      IdentityJSON.text([
        ("factors", "[" + factors.map { "\($0)" }.joined(separator: ",") + "]"),
        ("magnitude", "\(magnitude)"), ("type", "\"factors\""),
      ])
    }
  }

  /// The object that `RotaryScalingReader` reads, for a model of so many positions; nil: no scaling.
  func text(positions: Int) -> RotaryScalingText? {
    var text = RotaryScalingText(type: "default")
    switch self {
    case .none: return nil
    case .linear(let factor): (text.type, text.factor) = ("linear", factor)
    case .llama3(let factor, let low, let high, let original):
      (text.type, text.factor) = ("llama3", factor)
      (text.lowFactor, text.highFactor) = (low, high)
      text.original = Int(original)
    case .yarn(let yarn):
      (text.type, text.factor) = ("yarn", yarn.factor)
      text.original = Int(yarn.original)
      (text.fast, text.slow) = (yarn.fast, yarn.slow)
      (text.magnitude, text.truncates) = (yarn.magnitude, yarn.truncates)
    case .factors(let factors, let magnitude):
      // Beyond these positions nothing is computed here, whatever the long factors are.
      (text.type, text.magnitude) = ("longrope", magnitude)
      (text.shortFactors, text.longFactors) = (factors, factors)
      text.original = positions
    }
    return text
  }
}

/// `rope_scaling` as transformers has it.
struct RotaryScalingText: Encodable, Sendable {
  var type: String
  var factor: Float?
  var lowFactor: Float?
  var highFactor: Float?
  var original: Int?
  var magnitude: Float?
  var fast: Float?
  var slow: Float?
  var truncates: Bool?
  var shortFactors: [Float]?
  var longFactors: [Float]?

  enum CodingKeys: String, CodingKey {
    case type = "rope_type"
    case factor
    case lowFactor = "low_freq_factor"
    case highFactor = "high_freq_factor"
    case original = "original_max_position_embeddings"
    case magnitude = "attention_factor"
    case fast = "beta_fast"
    case slow = "beta_slow"
    case truncates = "truncate"
    case shortFactors = "short_factor"
    case longFactors = "long_factor"
  }
}
