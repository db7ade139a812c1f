/// A = L Lᵀ for a symmetric positive definite matrix, in float64 (Golub and Van Loan, "Matrix
/// Computations", 4th edition, section 4.2).
///
/// Every sum runs in one fixed order, so that the result has the same bits on every CPU.
struct CholeskyFactor {
  private let n: Int
  /// [n, n]: L in the lower triangle.
  private var rows: [Double]

  /// `nil` where the matrix [n, n], whose lower triangle is read, is not positive definite.
  init?(_ matrix: [Double], size n: Int) {
    self.n = n
    rows = matrix
    for i in 0..<n {
      for j in 0...i {
        var rest = rows[i * n + j]
        for k in 0..<j { rest -= rows[i * n + k] * rows[j * n + k] }
        if i == j {
          guard rest > 0, rest.isFinite else { return nil }
          rows[i * n + i] = rest.squareRoot()
        } else {
          rows[i * n + j] = rest / rows[j * n + j]
        }
      }
    }
  }

  /// X of A X = B; B and X are [columns, n], a column of B a row here.
  func solve(_ right: [Double], columns: Int) -> [Double] {
    var x = right
    for column in 0..<columns {
      let first = column * n
      for i in 0..<n {
        var rest = x[first + i]
        for k in 0..<i { rest -= rows[i * n + k] * x[first + k] }
        x[first + i] = rest / rows[i * n + i]
      }
      for i in (0..<n).reversed() {
        x[first + i] /= rows[i * n + i]
        let value = x[first + i]
        for k in 0..<i { x[first + k] -= rows[i * n + k] * value }
      }
    }
    return x
  }
}
