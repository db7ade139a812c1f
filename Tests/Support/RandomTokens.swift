import Numerics

/// Token ids drawn by a seed, below the vocabulary of `TinyShape.small`.
package func randomDocument(_ length: Int, seed: UInt64) -> [Int32] {
  var generator = SeededGenerator(seed: seed)
  return generator.tokens(length)
}

extension SeededGenerator {
  /// Further token ids.
  package mutating func tokens(
    _ count: Int, vocabulary: Int = TinyShape.small.vocabulary
  ) -> [Int32] {
    (0..<count).map { _ in Int32(next() % UInt64(vocabulary)) }
  }
}
