import Foundation
import Layers
import ModelFiles

/// Rotary positions as a `config.json` says them: in `rope_parameters` (transformers 5), or in `rope_theta`,
/// `rope_scaling` and `partial_rotary_factor` or `rotary_pct` (transformers 4).
struct RotationReader {
  private let reader: ConfigurationReader
  private let headSize: Int
  private let positions: Int
  private let defaultTheta: Float
  private let defaultShare: Float
  private let localTheta: Float?
  private let names: [String: String]

  init(
    _ reader: ConfigurationReader, headSize: Int, positions: Int, _ traits: RotaryDecoderTraits
  ) {
    self.init(
      reader, headSize: headSize, positions: positions, theta: traits.theta,
      localTheta: traits.localTheta, names: traits.scalingNames)
  }

  /// - Parameters:
  ///   - share: the share of a head's channels that turn where the file says none.
  ///   - localTheta: the base of windowed layers where the file says none; nil: the others'.
  ///   - names: types of scaling by older names.
  init(
    _ reader: ConfigurationReader, headSize: Int, positions: Int, theta: Float, share: Float = 1,
    localTheta: Float? = nil, names: [String: String] = [:]
  ) {
    self.reader = reader
    self.headSize = headSize
    self.positions = positions
    defaultTheta = theta
    defaultShare = share
    self.localTheta = localTheta
    self.names = names
  }

  /// The rotation of layers that see all, and the length from which it would depend on the length.
  func rotation() throws(ModelFileError) -> (rotary: RotaryDescription, longest: Int) {
    var found: [(key: String, rotary: RotaryDescription, longest: Int)] = []
    for key in ["rope_parameters", "rope_scaling"] where reader.value(key) != nil {
      let section = try section(key, kind: "full_attention")
      let (rotary, longest) = try rotation(section, key, theta: outerTheta ?? defaultTheta)
      found.append((key, rotary, longest))
    }
    if found.count == 2, found[0].rotary != found[1].rotary {
      throw .malformed(
        file: reader.file, item: "rope_scaling", expected: "what rope_parameters says",
        found: "another rotation")
    }
    if let first = found.first { return (first.rotary, first.longest) }
    return (try rotation(nil, "", theta: outerTheta ?? defaultTheta).rotary, .max)
  }

  /// That of windowed layers, where it is another.
  func localRotation() throws(ModelFileError) -> RotaryDescription? {
    guard let localTheta else { return nil }
    let theta = try reader.float("rope_local_base_freq") ?? localTheta
    guard reader.value("rope_parameters") != nil,
      let section = try nested("rope_parameters", "sliding_attention")
    else { return RotaryDescription(theta: theta) }
    let local = try rotation(section, "rope_parameters.sliding_attention", theta: theta).rotary
    // No model of the families has other; what a checkpoint and the identity say of it is its theta.
    guard local.scaling == .none, local.dimensions == nil else {
      throw reader.unsupported(
        "rope_parameters.sliding_attention", reader.value("rope_parameters") ?? .null,
        supported: "rope_parameters.sliding_attention without scaling and of whole heads")
    }
    return local
  }

  private var outerTheta: Float? {
    get throws(ModelFileError) {
      if let theta = try reader.float("rope_theta") { return theta }
      return try reader.float("rotary_emb_base")
    }
  }

  /// The object under a key, or under a kind of layer within it where it is so divided.
  private func section(
    _ key: String, kind: String
  ) throws(ModelFileError) -> ConfigurationReader {
    if localTheta != nil, let nested = try nested(key, kind) { return nested }
    guard let value = reader.value(key), case .object = value else {
      throw reader.unsupported(
        key, reader.value(key) ?? .null, supported: "\(key) absent or an object")
    }
    return try ConfigurationReader(value, file: reader.file)
  }

  private func nested(
    _ key: String, _ kind: String
  ) throws(ModelFileError) -> ConfigurationReader? {
    guard let value = reader.value(key), case .object(let object) = value,
      let inner = object[kind], case .object = inner
    else { return nil }
    return try ConfigurationReader(inner, file: reader.file)
  }

  private func rotation(
    _ section: ConfigurationReader?, _ key: String, theta: Float
  ) throws(ModelFileError) -> (rotary: RotaryDescription, longest: Int) {
    let inner = try section?.float("rope_theta")
    if let inner, let outer = try outerTheta, inner != outer, !key.contains(".") {
      throw .malformed(
        file: reader.file, item: "\(key).rope_theta", expected: "rope_theta's \(outer)",
        found: "\(inner)")
    }
    let base = inner ?? theta
    try Checks.requirePositive("RoPE theta", base, file: reader.file)
    let share = try share(section)
    let channels = Float(headSize) * share
    guard channels.isFinite, channels >= 1, share <= 1 else {
      throw .malformed(
        file: reader.file, item: "partial_rotary_factor", expected: "a share of a head's channels",
        found: "\(share)")
    }
    let dimensions = Int(channels)
    guard let section else {
      return (rotary(base, dimensions, .none), .max)
    }
    let scaling = RotaryScalingReader(
      section, key, theta: base, dimensions: dimensions, positions: positions,
      original: try reader.integer("original_max_position_embeddings"), names: names)
    let (value, longest) = try scaling.scaling()
    return (rotary(base, dimensions, value), longest)
  }

  private func rotary(
    _ theta: Float, _ dimensions: Int, _ scaling: RotaryScaling
  ) -> RotaryDescription {
    RotaryDescription(
      theta: theta, dimensions: dimensions == headSize ? nil : dimensions, scaling: scaling)
  }

  private func share(_ section: ConfigurationReader?) throws(ModelFileError) -> Float {
    if let share = try section?.float("partial_rotary_factor") { return share }
    for key in ["partial_rotary_factor", "rotary_pct"] {
      if let share = try reader.float(key) { return share }
    }
    return defaultShare
  }
}
