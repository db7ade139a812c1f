// y = norm(x) of single rows: `LayerNorm.swift` and `RMSNorm.swift` have the mathematics, and both ways.

/// A norm of single rows, for those that are made on their way into a product. Its parameters are [1, width]
/// and outlive it.
public enum RowNorm {
  case rootMeanSquare(weight: Rows, epsilon: Float)
  case layer(weight: Rows, bias: Rows, epsilon: Float)

  var width: Int {
    switch self {
    case .rootMeanSquare(let weight, _), .layer(let weight, _, _): weight.width
    }
  }

  private var isWhole: Bool {
    switch self {
    case .rootMeanSquare(let weight, _): weight.count == 1
    case .layer(let weight, let bias, _): weight.count == 1 && bias.isSameShape(as: weight)
    }
  }

  /// One row, [width]; `out` is another place than `x`. Unchecked.
  func apply(_ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
    switch self {
    case .rootMeanSquare(let weight, let epsilon):
      rmsNormRow(out, x, weight: weight, epsilon: epsilon)
    case .layer(let weight, let bias, let epsilon):
      layerNormRow(out, x, weight: weight, bias: bias, epsilon: epsilon)
    }
  }

  /// Normalises rows [R, width] in place.
  public func normalize(_ x: Rows) {
    precondition(width == x.width, "a norm of \(width) over rows of \(x.width)")
    normalize(x, heads: 1)
  }

  /// Normalises `heads` pieces of each row one by one, of `width` values each, that begin at `column`, in place.
  public func normalize(_ x: Rows, heads: Int, column: Int = 0) {
    precondition(
      isWhole && heads >= 0 && column >= 0 && column + heads * width <= x.width,
      "\(heads) norms of \(width) from \(column) on in rows of \(x.width)")
    parallelRanges(x.count, grain: 1 + 16384 / max(heads * width, 1)) { range in
      withScratch(width) { copy in
        for row in range {
          for head in 0..<heads {
            let values = x.row(row) + column + head * width
            copy.update(from: values, count: width)
            apply(values, copy)
          }
        }
      }
    }
  }
}
