import Numerics

// Floats as bits, so that equal means equal to the last one and a NaN equals itself.

extension Sequence<Float> {
  package var bits: [UInt32] { map(\.bitPattern) }
}

extension FloatBuffer {
  package var bits: [UInt32] { array().bits }

  /// Its rows, [tokens, width], as documents of the given lengths.
  package func bits(ofDocuments lengths: [Int], width: Int) -> [[UInt32]] {
    let all = bits
    var first = 0
    return lengths.map { length in
      defer { first += length * width }
      return Array(all[first..<first + length * width])
    }
  }
}
