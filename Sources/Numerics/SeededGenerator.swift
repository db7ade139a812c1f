/// A seeded generator of random numbers, xoshiro256** (Blackman and Vigna, 2018), seeded through
/// SplitMix64. Its state is stored in checkpoints, so that resumed work draws what it would have.
public struct SeededGenerator: RandomNumberGenerator, Codable, Equatable, Sendable {
  private var state: [UInt64]

  public init(seed: UInt64) {
    var mixer = SplitMix64(state: seed)
    state = (0..<4).map { _ in mixer.next() }
  }

  public mutating func next() -> UInt64 {
    func rotated(_ x: UInt64, by count: UInt64) -> UInt64 { (x << count) | (x >> (64 - count)) }
    let result = rotated(state[1] &* 5, by: 7) &* 9
    let shifted = state[1] << 17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotated(state[3], by: 45)
    return result
  }

  /// Uniform in [0, 1), a multiple of 2⁻²⁴.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Standard normal, by the polar method; one value a call.
  public mutating func normal() -> Float {
    while true {
      let u = Double(next() >> 11) * 0x1p-52 - 1
      let v = Double(next() >> 11) * 0x1p-52 - 1
      let s = u * u + v * v
      if s > 0 && s < 1 { return Float(u * (-2 * logarithm(s) / s).squareRoot()) }
    }
  }

  /// Shuffles in place (Fisher and Yates). Unlike the standard library's, its draws are fixed here,
  /// so a seed means the same order on every toolchain.
  public mutating func shuffle<Element>(_ values: inout [Element]) {
    guard values.count > 1 else { return }
    for index in stride(from: values.count - 1, to: 0, by: -1) {
      values.swapAt(index, Int(next().multipliedFullWidth(by: UInt64(index + 1)).high))
    }
  }

  // The state must decode to four words that are not all zero: xoshiro never leaves zero.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    state = try container.decode([UInt64].self)
    guard state.count == 4, state.contains(where: { $0 != 0 }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a generator's state is four words, not all zero")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(state)
  }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a good 64-bit mixing function, here for seeding and for
/// numbers that depend on a counter alone.
public struct SplitMix64: Sendable {
  private var state: UInt64

  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
