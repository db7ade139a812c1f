/// The inverse of a square matrix [n, n] in float64, by Gauss-Jordan elimination with partial pivoting; `nil`
/// where it has none. Every sum runs in one fixed order, so that the result has the same bits on every CPU.
/// n^3 steps: about a quarter of a second for 576 rows.
public func matrixInverse(_ matrix: [Double], size n: Int) -> [Double]? {
  precondition(matrix.count == n * n)
  var left = matrix
  var right = [Double](repeating: 0, count: n * n)
  for i in 0..<n { right[i * n + i] = 1 }
  let found = left.withUnsafeMutableBufferPointer { left in
    right.withUnsafeMutableBufferPointer { right in
      for column in 0..<n {
        var pivot = column
        for row in column..<n where abs(left[row * n + column]) > abs(left[pivot * n + column]) {
          pivot = row
        }
        let value = left[pivot * n + column]
        guard value.isFinite, value != 0 else { return false }
        for k in 0..<n {
          let (x, y) = (left[pivot * n + k], right[pivot * n + k])
          left[pivot * n + k] = left[column * n + k]
          right[pivot * n + k] = right[column * n + k]
          left[column * n + k] = x / value
          right[column * n + k] = y / value
        }
        for row in 0..<n where row != column {
          let factor = left[row * n + column]
          guard factor != 0 else { continue }
          for k in column..<n { left[row * n + k] -= factor * left[column * n + k] }
          for k in 0..<n { right[row * n + k] -= factor * right[column * n + k] }
        }
      }
      return true
    }
  }
  return found ? right : nil
}
