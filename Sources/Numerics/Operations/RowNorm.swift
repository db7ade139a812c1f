/// A norm of single rows, for those that are made on their way into a product.
public enum RowNorm {
  case rootMeanSquare(RMSNorm)
  /// `weight` and `bias` are [width] and outlive this.
  case layer(
    weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, width: Int, epsilon: Float)

  var width: Int {
    switch self {
    case .rootMeanSquare(let norm): norm.width
    case .layer(_, _, let width, _): width
    }
  }

  /// One row, [width]; `out` is another place than `x`.
  func apply(_ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
    switch self {
    case .rootMeanSquare(let norm): norm.apply(out, x)
    case .layer(let weight, let bias, let width, let epsilon):
      layerNormRow(out, x, weight: weight, bias: bias, width: width, epsilon: epsilon)
    }
  }
}

/// Normalises rows in place.
public func normalize(_ x: Rows, _ norm: RowNorm) {
  precondition(norm.width == x.width, "a norm of \(norm.width) over rows of \(x.width)")
  parallelRanges(x.count, grain: 1 + 16384 / norm.width) { range in
    withScratch(norm.width) { copy in
      for row in range {
        copy.update(from: x.row(row), count: x.width)
        norm.apply(x.row(row), copy)
      }
    }
  }
}
