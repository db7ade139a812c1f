/// Dense linear algebra in float64, by LAPACK where it is there (`EngineChoice.solver`): for what is measured
/// or fitted and needs no equal bits on other machines. What does is `SymmetricEigen(_:size:)` and `matrixInverse`, with
/// either engine.
public enum LinearAlgebra {
  /// The eigenvalues and eigenvectors of a symmetric matrix [size, size], finite, whose lower triangle
  /// is read.
  public static func eigen(_ matrix: [Double], size: Int) -> SymmetricEigen {
    precondition(matrix.count == size * size)
    return EngineChoice.solver.eigen(matrix, size: size)
  }

  /// X of A X = B, for a symmetric positive definite A [size, size], whose lower triangle is read.
  /// B and X are [columns, size], a column of B a row here; `nil` where A is not positive definite.
  public static func solve(
    _ matrix: [Double], size: Int, _ right: [Double], columns: Int
  ) -> [Double]? {
    precondition(matrix.count == size * size && right.count == size * columns)
    return EngineChoice.solver.solve(matrix, size: size, right, columns: columns)
  }

  /// Ridge regression: W [outputs, width] that minimizes |X Wᵀ - Y|² + penalty |W|², of `count` rows of
  /// X [count, width] and Y [count, outputs]. With no penalty, least squares. `nil` where the
  /// minimum is not one point.
  public static func ridge(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, width: Int, outputs: Int,
    penalty: Double
  ) -> [Double]? {
    ridge(
      x, y, count: count, width: width, outputs: outputs, penalty: penalty,
      engine: EngineChoice.solver)
  }

  package static func ridge(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, width: Int, outputs: Int,
    penalty: Double, engine: any ProductEngine
  ) -> [Double]? {
    var normal = products(x, width, x, width, count: count)
    for i in 0..<width { normal[i * width + i] += penalty }
    return engine.solve(
      normal, size: width, products(y, outputs, x, width, count: count), columns: outputs)
  }

  /// [aWidth, bWidth]: Aᵀ B of rows [count, aWidth] and [count, bWidth], summed in float64 in the rows'
  /// order.
  private static func products(
    _ a: UnsafePointer<Float>, _ aWidth: Int, _ b: UnsafePointer<Float>, _ bWidth: Int, count: Int
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: aWidth * bWidth)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      nonisolated(unsafe) let base = sums
      // Rows that stay in the second-level cache while all of A's columns meet them.
      for first in stride(from: 0, to: count, by: 64) {
        parallelRanges(aWidth, grain: 16) { columns in
          for i in columns {
            let to = base + i * bWidth
            for row in first..<min(first + 64, count) {
              let factor = Double(a[row * aWidth + i])
              let from = b + row * bWidth
              for j in 0..<bWidth { to[j] += factor * Double(from[j]) }
            }
          }
        }
      }
    }
    return sums
  }
}
