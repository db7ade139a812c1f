/// Rows [m, depth] in the form that a product with packed weights reads: filled once, read by the
/// products of several weights. One buffer serves many fillings, one after the other.
public protocol ProductRows: ~Copyable {
  /// Values a row.
  var depth: Int { get }

  /// Fills in rows that are made on the way, a few at a time and on all threads, so that they never
  /// go through memory: `make` gives some rows, back to back, in the scratch that it is handed or
  /// anywhere else.
  borrowing func fill(
    rows: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>)
}

extension ProductRows where Self: ~Copyable {
  /// Fills in rows that lie one behind the other from `x` on.
  public borrowing func fill(_ x: UnsafePointer<Float>, rows: Int) {
    let depth = self.depth
    fill(rows: rows) { range, _ in x + range.lowerBound * depth }
  }

  /// x += branch, where there is one, in place; then fills in the norm of x.
  ///
  /// A branch is summed on its own first: a chain of additions that starts from a residual of 25,000,
  /// as SmolLM2 has, would lose six times as much to rounding.
  public borrowing func fill(
    normOf x: UnsafeMutablePointer<Float>, adding branch: UnsafePointer<Float>?, rows: Int,
    _ norm: RowNorm
  ) {
    let depth = self.depth
    fill(rows: rows) { range, scratch in
      if let branch {
        let first = range.lowerBound * depth
        axpy(range.count * depth, 1, branch + first, x + first)
      }
      for (place, row) in range.enumerated() {
        norm.apply(scratch + place * depth, x + row * depth)
      }
      return UnsafePointer(scratch)
    }
  }
}
