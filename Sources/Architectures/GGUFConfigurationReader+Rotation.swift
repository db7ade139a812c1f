import Layers
import ModelFiles

extension GGUFConfigurationReader {
  /// The rotation of layers that see all, and the length from which it would depend on the length.
  func rotation(
    headSize: Int, positions: Int, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) -> (rotary: RotaryDescription, longest: Int) {
    try Checks.require(
      "maximum positions", positions, in: 1...Checks.mostPositions, file: gguf.path)
    let dimensions =
      has("rope.dimension_count") ? try integer("rope.dimension_count") : headSize
    guard (1...headSize).contains(dimensions) else {
      throw .malformed(
        file: gguf.path, item: "metadata key \(key("rope.dimension_count"))",
        expected: "1 to \(headSize), a head's channels", found: "\(dimensions)")
    }
    let (scaling, longest) = try scaling(dimensions: dimensions, positions: positions)
    return (
      RotaryDescription(
        theta: try float("rope.freq_base") ?? traits.theta,
        dimensions: dimensions == headSize ? nil : dimensions, scaling: scaling), longest
    )
  }

  /// Llama 3's scaling, and LongRoPE's up to the length of the first training, are a tensor of factors.
  private func scaling(
    dimensions: Int, positions: Int
  ) throws(ModelFileError) -> (RotaryScaling, longest: Int) {
    let type = has("rope.scaling.type") ? try gguf.string(key("rope.scaling.type")) : "none"
    if let factors = try factors("rope_freqs.weight", dimensions) {
      guard type == "none" else { throw unsupported("type", "\"\(type)\"", "none") }
      try refuseMagnitude()
      return (.factors(factors, magnitude: 1), .max)
    }
    let isLong = gguf.tensors.contains { $0.name == "rope_factors_long.weight" }
    guard isLong == gguf.tensors.contains(where: { $0.name == "rope_factors_short.weight" }) else {
      throw .missing(
        file: gguf.path,
        item: "tensor rope_factors_\(isLong ? "short" : "long").weight beside the other",
        advice: "convert the model again")
    }
    if let factors = try factors("rope_factors_short.weight", dimensions) {
      let original = try integer("rope.scaling.original_context_length")
      try Checks.require(
        key("rope.scaling.original_context_length"), original, in: 1...1 << 28, file: gguf.path)
      return (
        .factors(
          factors,
          magnitude: try positive(
            "attn_factor",
            absent: RotaryScaling.longRoPEMagnitude(
              factor: Float(positions) / Float(original), original: original))), original
      )
    }
    switch type {
    case "none":
      // Factors without a type would be a linear scaling of older files.
      for suffix in ["factor", "attn_factor"] {
        guard let factor = try float("rope.scaling.\(suffix)"), factor != 1 else { continue }
        throw unsupported(suffix, "\(factor)", "1, or rope.scaling.type beside it")
      }
      return (.none, .max)
    case "linear":
      try refuseMagnitude()
      return (.linear(factor: try positive("factor")), .max)
    case "yarn":
      try refuseMagnitude()
      let factor = try positive("factor")
      if let share = try float("rope.scaling.yarn_ext_factor"), share != 1, share >= 0 {
        throw unsupported("yarn_ext_factor", "\(share)", "1")
      }
      let original =
        has("rope.scaling.original_context_length")
        ? try integer("rope.scaling.original_context_length") : positions
      try Checks.require(
        key("rope.scaling.original_context_length"), original, in: 1...1 << 28, file: gguf.path)
      let usual = Float(RotaryScaling.Yarn.magnitude(factor: Double(factor)))
      return (
        .yarn(
          RotaryScaling.Yarn(
            factor: factor,
            original: Float(original), fast: try positive("yarn_beta_fast", absent: 32),
            slow: try positive("yarn_beta_slow", absent: 1),
            magnitude: try positive("yarn_attn_factor", absent: usual))), .max
      )
    default: throw unsupported("type", "\"\(type)\"", "none, linear or yarn")
    }
  }

  private func positive(_ suffix: String) throws(ModelFileError) -> Float {
    let value = try requiredFloat("rope.scaling.\(suffix)")
    try Checks.requirePositive(key("rope.scaling.\(suffix)"), value, file: gguf.path)
    return value
  }

  private func positive(_ suffix: String, absent: Float) throws(ModelFileError) -> Float {
    has("rope.scaling.\(suffix)") ? try positive(suffix) : absent
  }

  /// What llama.cpp multiplies by, whatever the type; here it is LongRoPE's alone.
  private func refuseMagnitude() throws(ModelFileError) {
    guard let factor = try float("rope.scaling.attn_factor"), factor != 1 else { return }
    throw unsupported("attn_factor", "\(factor)", "1, but beside rope_factors_short.weight")
  }

  private func unsupported(_ suffix: String, _ found: String, _ supported: String) -> ModelFileError
  {
    .unsupported(
      file: gguf.path, item: "metadata key \(key("rope.scaling.\(suffix)"))", found: found,
      supported: "\(key("rope.scaling.\(suffix)")) \(supported)")
  }

  /// A tensor of factors, one a pair; nil where the file has none.
  private func factors(_ tensor: String, _ dimensions: Int) throws(ModelFileError) -> [Float]? {
    guard gguf.tensors.contains(where: { $0.name == tensor }) else { return nil }
    let factors = try gguf.floats(ofTensor: tensor, shape: [(dimensions + 1) / 2])
    guard factors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw .malformed(
        file: gguf.path, item: "tensor \(tensor)", expected: "positive numbers",
        found: "another")
    }
    return factors
  }
}
