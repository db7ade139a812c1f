import Foundation
import Numerics
import Testing

/// Both engines' solvers against answers that are known beforehand.
@Suite struct LinearAlgebraTests {
  @Test(arguments: [1, 2, 12, 200])
  func `eigenvalues and eigenvectors of the second difference`(n: Int) {
    var matrix = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      matrix[i * n + i] = 2
      if i > 0 { matrix[i * n + i - 1] = -1 }  // the lower triangle alone
    }
    for engine in EngineTests.engines {
      let eigen = engine.eigen(matrix, size: n)
      var (value, vector) = (0.0, 0.0)
      for index in 0..<n {
        // 2 - 2 cos(pi k / (n + 1)), with the vector sin(pi k j / (n + 1)).
        let k = Double(n - index) * Double.pi / Double(n + 1)
        value = max(value, abs(eigen.values[index] - (2 - 2 * cos(k))))
        let length = (Double(n + 1) / 2).squareRoot()
        let sign = (0..<n).reduce(0.0) {
          $0 + sin(k * Double($1 + 1)) * eigen.vectors[index * n + $1]
        }
        for j in 0..<n {
          let expected = sin(k * Double(j + 1)) / length * (sign < 0 ? -1 : 1)
          vector = max(vector, abs(eigen.vectors[index * n + j] - expected))
        }
        #expect(
          eigen.vectors[index * n..<(index + 1) * n].max { abs($0) < abs($1) }! > 0, "its sign")
      }
      // Units of float64's last place, times the size; vectors lose what neighbours' values are close.
      #expect(value < 1e-14 * Double(n + 4) && vector < 1e-9, "\(engine.name)")
    }
  }

  @Test func `a system with a known solution`() throws {
    // min(i, j) + 1 is positive definite; row i of its product with x is a sum that is known.
    let (n, columns) = (150, 3)
    let matrix = (0..<n * n).map { Double(min($0 / n, $0 % n) + 1) }
    let x = (0..<columns * n).map { Double(($0 * 7) % 11) - 5 }
    let right = (0..<columns * n).map { index in
      (0..<n).reduce(0.0) { $0 + matrix[index % n * n + $1] * x[index / n * n + $1] }
    }
    for engine in EngineTests.engines {
      let found = try #require(engine.solve(matrix, size: n, right, columns: columns))
      // The condition number is about 4 n² = 1e5.
      #expect(zip(found, x).allSatisfy { abs($0 - $1) < 1e-9 }, "\(engine.name)")
    }
  }

  @Test func `what is not positive definite has no solution`() {
    for engine in EngineTests.engines {
      #expect(engine.solve([1, 2, 2, 1], size: 2, [1, 1], columns: 1) == nil, "\(engine.name)")
      #expect(engine.solve([0], size: 1, [1], columns: 1) == nil, "\(engine.name)")
      #expect(engine.solve([.nan], size: 1, [1], columns: 1) == nil, "\(engine.name)")
    }
  }

  @Test func `ridge regression of columns that are orthogonal shrinks each by itself`() throws {
    // Columns of a Hadamard matrix, twice, column j times j + 1: XᵀX is diagonal, 128 (j + 1)².
    let (count, width) = (128, 6)
    let x = FloatBuffer(
      (0..<count * width).map { index in
        let (row, column) = (index / width, index % width)
        return Float(column + 1) * ((row & column).nonzeroBitCount.isMultiple(of: 2) ? 1 : -1)
      })
    let weights: [Double] = [1, -2, 3, 0, 0.5, -1, 0, 4, 0, 1, -3, 2]
    let y = FloatBuffer(
      (0..<count * 2).map { index in
        Float(
          (0..<width).reduce(0.0) {
            $0 + Double(x[index / 2 * width + $1]) * weights[index % 2 * width + $1]
          })
      })
    for (engine, penalty) in EngineTests.engines.flatMap({ [($0, 0.0), ($0, 64.0)] }) {
      let found = try #require(
        LinearAlgebra.ridge(
          x.base, y.base, count: count, width: width, outputs: 2, penalty: penalty, engine: engine))
      for (index, weight) in found.enumerated() {
        let size = 128 * Double((index % width + 1) * (index % width + 1))
        let expected = weights[index] * size / (size + penalty)
        #expect(abs(weight - expected) < 1e-9, "\(engine.name)")
      }
    }
  }

  @Test func `least squares of columns that depend on each other has no one answer`() {
    let x = FloatBuffer([1, 1, 2, 2, 3, 3])
    let y = FloatBuffer([1, 2, 3])
    for engine in EngineTests.engines {
      let found = LinearAlgebra.ridge(
        x.base, y.base, count: 3, width: 2, outputs: 1, penalty: 0, engine: engine)
      #expect(found == nil, "\(engine.name)")
    }
    let found = LinearAlgebra.ridge(x.base, y.base, count: 3, width: 2, outputs: 1, penalty: 1)
    // XᵀX = 14 [1 1; 1 1], Xᵀy = 14 [1; 1]: each weight is 14 / 29.
    #expect(found?.allSatisfy { abs($0 - 14.0 / 29) < 1e-12 } == true)
  }
}
