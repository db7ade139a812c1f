// y = c tanh(x / c), element by element: |y| < c (Gemma 2, arXiv 2408.00118, section 2)
//
// Shapes: x, y and their gradients are rows of one shape. Backward: dx = dy (1 - (y / c)²).
// Attention caps its own scores, in `VisibleKeys` and `Attention+Backward`.

/// Caps values softly.
public struct SoftCap: Sendable, Equatable {
  /// c, above 0.
  public let cap: Float

  public init(_ cap: Float) { self.cap = cap }

  /// Replaces x by y.
  public func forward(_ x: Rows) {
    let (base, cap) = (x.base, cap)
    parallelRanges(x.elementCount, grain: 4096) { range in
      let y = base + range.lowerBound
      for i in 0..<range.count { y[i] /= cap }
      tanh(range.count, y, y)
      for i in 0..<range.count { y[i] *= cap }
    }
  }

  /// Replaces dy by dx; `y` is what `forward` left.
  public func backward(_ dy: Rows, y: Rows) {
    precondition(dy.isSameShape(as: y), "a gradient for each value")
    let cap = cap
    parallelRanges(dy.elementCount, grain: 4096) { range in
      let (d, y) = (dy.base + range.lowerBound, y.base + range.lowerBound)
      for i in 0..<range.count {
        let t = y[i] / cap
        d[i] *= 1 - t * t
      }
    }
  }
}
