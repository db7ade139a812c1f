import Numerics

/// What a tensor starts from.
public enum InitialValues: Sendable, Equatable {
  case constant(Float)
  /// Normal with mean 0 and this deviation.
  case normal(Float)
  /// Uniform in -bound ... bound.
  case uniform(Float)

  /// PyTorch's habit for a linear layer, weight and bias: uniform within 1/√inputs.
  public static func linear(inputs: Int) -> InitialValues {
    .uniform(1 / Float(inputs).squareRoot())
  }

  /// A transformer's weights and embeddings, as GPT-Neo's and Llama's are drawn.
  public static let transformer = InitialValues.normal(0.02)
}

/// How a tensor's generator of random numbers is seeded.
public enum TensorSeeding: String, Codable, Sendable {
  /// By its number among the module's tensors, as runs of before did: another arm's tensors draw other values.
  case index
  /// By its name, so that modules which have a tensor of one name and shape start it alike.
  case name
}

extension ParameterSet {
  /// Draws all values from `seed`. Every tensor has a generator of its own.
  public func initialize(seed: UInt64, _ seeding: TensorSeeding) {
    for (place, tensor) in tensors.enumerated() {
      let number =
        switch seeding {
        case .index: UInt64(place)
        case .name: Self.hash(tensor.name)
        }
      var mixer = SplitMix64(state: seed ^ (number &* 0x9E37_79B9_7F4A_7C15))
      var generator = SeededGenerator(seed: mixer.next())
      let base = base(of: tensor)
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

  /// The 64-bit Fowler-Noll-Vo hash (FNV-1a) of a name's bytes.
  private static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
