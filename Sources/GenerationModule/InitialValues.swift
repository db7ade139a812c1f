import Numerics

/// What a tensor starts from.
enum InitialValues: Sendable, Equatable {
  case constant(Float)
  /// Normal with mean 0 and this deviation.
  case normal(Float)
  /// Uniform in -bound ... bound.
  case uniform(Float)

  /// PyTorch's habit for a linear layer, weight and bias: uniform within 1/√inputs.
  static func linear(inputs: Int) -> InitialValues { .uniform(1 / Float(inputs).squareRoot()) }

  /// GPT-Neo's weights and embeddings.
  static let gptNeo = InitialValues.normal(0.02)
}

extension ParameterSet {
  /// Draws all values from `seed`. Every tensor has a generator of its own, so its values do not
  /// depend on the tensors before it.
  func initialize(seed: UInt64) {
    for (place, tensor) in tensors.enumerated() {
      var mixer = SplitMix64(state: seed ^ (UInt64(place) &* 0x9E37_79B9_7F4A_7C15))
      var generator = SeededGenerator(seed: mixer.next())
      let base = values + tensor.range.lowerBound
      switch tensor.initial {
      case .constant(let value):
        base.update(repeating: value, count: tensor.range.count)
      case .normal(let deviation):
        for i in 0..<tensor.range.count { base[i] = deviation * generator.normal() }
      case .uniform(let bound):
        for i in 0..<tensor.range.count { base[i] = bound * (2 * generator.uniform() - 1) }
      }
    }
  }
}
