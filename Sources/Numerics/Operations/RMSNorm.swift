/// Root mean square normalisation (Zhang and Sennrich, 2019), over rows of width C:
///
///     out[t, c] = x[t, c] / sqrt(mean over c of x[t, c]² + ε) · weight[c]
///
/// `x` and `out` are [rows, width] and may be the same; `weight` is [width]. The sum of squares runs
/// in 16 lanes.
public func rmsNorm(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  rows: Int, width: Int, epsilon: Float
) {
  parallelRanges(rows, grain: 1 + 16384 / width) { range in
    for row in range {
      let (from, to) = (x + row * width, out + row * width)
      let scale = 1 / (sumOfSquares(width, from) / Float(width) + epsilon).squareRoot()
      for c in 0..<width { to[c] = from[c] * scale * weight[c] }
    }
  }
}
