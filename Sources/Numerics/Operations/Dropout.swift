// y = x ∘ m / (1 - rate), m = 0 with probability `rate`, else 1 (Srivastava et al., 2014)
//
// The mask is a function of (seed, step, site, row, column) alone, so it is never stored: the
// backward pass applies the very same function to the gradient, and a resumed run draws the same
// masks as one that never stopped.

public struct Dropout: Sendable {
  /// The share of elements that become zero, in 0 ..< 1.
  public let rate: Float
  private let key: UInt64

  /// - Parameter site: which of the model's places this is; every place has a number of its own.
  public init(rate: Float, seed: UInt64, step: UInt64, site: UInt64) {
    self.rate = min(max(rate, 0), 0.999)
    var key: UInt64 = 0
    for part in [seed, step, site] {
      var mixer = SplitMix64(state: key ^ part)
      key = mixer.next()
    }
    self.key = key
  }

  /// Forward on values, backward on their gradients: x [R, C], in place.
  public func apply(_ x: Rows) {
    parallelRanges(x.count, grain: max(1, 4096 / max(x.width, 1))) { range in
      for row in range { apply(x.row(row), row: row, columns: 0..<x.width) }
    }
  }

  /// Columns `columns` of one row; `x` points at the first of them.
  func apply(_ x: UnsafeMutablePointer<Float>, row: Int, columns: Range<Int>) {
    var mixer = SplitMix64(state: key ^ UInt64(truncatingIfNeeded: row))
    let rowKey = mixer.next()
    let low = UInt32(truncatingIfNeeded: rowKey)
    let high = UInt32(truncatingIfNeeded: rowKey >> 32)
    let threshold = UInt32(Double(rate) * 0x1p32)
    let scale = 1 / (1 - rate)
    for i in 0..<columns.count {
      // A bijective 32-bit mixer (Wellons, "Hash Prospector"), keyed before and in the middle.
      var h = UInt32(truncatingIfNeeded: columns.lowerBound + i) ^ low
      h ^= h >> 16
      h = h &* 0x7FEB_352D &+ high
      h ^= h >> 15
      h = h &* 0x846C_A68B
      h ^= h >> 16
      x[i] = h < threshold ? 0 : x[i] * scale
    }
  }
}
