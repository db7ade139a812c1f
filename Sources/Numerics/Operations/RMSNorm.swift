import CKernels

/// Root mean square normalisation (Zhang and Sennrich, 2019), over rows of width C:
///
///     out[t, c] = x[t, c] / sqrt(mean over c of x[t, c]² + ε) · weight[c]
///
/// The sum of squares runs in 16 lanes.
public struct RMSNorm {
  private let weight: UnsafePointer<Float>
  let width: Int
  private let epsilon: Float

  /// `weight` is [width], and outlives this.
  public init(weight: UnsafePointer<Float>, width: Int, epsilon: Float) {
    self.weight = weight
    self.width = width
    self.epsilon = epsilon
  }

  /// One row, [width]; `out` is another place than `x`.
  func apply(_ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
    let scale = 1 / (sumOfSquares(width, x) / Float(width) + epsilon).squareRoot()
    kernels.pointee.scale_by(width, x, scale, weight, out)
  }
}

/// Normalises `x`, [rows, width], in place.
public func rmsNorm(_ x: UnsafeMutablePointer<Float>, rows: Int, _ norm: RMSNorm) {
  parallelRanges(rows, grain: 1 + 16384 / norm.width) { range in
    withScratch(norm.width) { copy in
      for index in range {
        let row = x + index * norm.width
        copy.update(from: row, count: norm.width)
        norm.apply(row, copy)
      }
    }
  }
}
