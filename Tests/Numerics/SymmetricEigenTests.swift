import Foundation
import Numerics
import Testing

/// Eigenvectors of symmetric matrices: they are orthonormal, and put the matrix together again.
@Suite struct SymmetricEigenTests {
  private func check(_ matrix: [Double], _ n: Int, tolerance: Double) -> SymmetricEigen {
    let eigen = SymmetricEigen(matrix, size: n)
    let scale = matrix.map(abs).max() ?? 0
    #expect(zip(eigen.values, eigen.values.dropFirst()).allSatisfy { $0 >= $1 })
    var (worstProduct, worstRest) = (0.0, 0.0)
    for i in 0..<n {
      for j in 0..<n {
        var (product, rebuilt) = (0.0, 0.0)
        for k in 0..<n {
          product += eigen.vectors[i * n + k] * eigen.vectors[j * n + k]
          rebuilt += eigen.vectors[k * n + i] * eigen.values[k] * eigen.vectors[k * n + j]
        }
        worstProduct = max(worstProduct, abs(product - (i == j ? 1 : 0)))
        worstRest = max(worstRest, abs(rebuilt - matrix[i * n + j]))
      }
    }
    // Backward stable: errors are some units of float64's last place, times the matrix's size.
    #expect(worstProduct <= tolerance)
    #expect(worstRest <= tolerance * max(scale, .leastNormalMagnitude))
    return eigen
  }

  private func symmetric(_ n: Int, seed: UInt64, rank: Int) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    let factors = (0..<rank * n).map { _ in Double(generator.next() >> 11) * 0x1p-52 - 1 }
    var matrix = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for j in 0..<n {
        for k in 0..<rank {
          let sign = k % 3 == 0 ? -1.0 : 1.0
          matrix[i * n + j] += sign * factors[k * n + i] * factors[k * n + j] / Double(1 + k * k)
        }
      }
    }
    return matrix
  }

  @Test(arguments: [1, 2, 3, 10, 64, 131])
  func randomMatrices(n: Int) {
    _ = check(symmetric(n, seed: UInt64(n), rank: n), n, tolerance: 1e-13 * Double(n))
  }

  @Test func knownValues() {
    // The second difference: 2 - 2 cos(pi k / (n + 1)).
    let n = 12
    var matrix = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      matrix[i * n + i] = 2
      if i > 0 { (matrix[i * n + i - 1], matrix[(i - 1) * n + i]) = (-1, -1) }
    }
    let eigen = check(matrix, n, tolerance: 1e-13)
    for (index, value) in eigen.values.enumerated() {
      #expect(abs(value - (2 - 2 * cos(Double.pi * Double(n - index) / Double(n + 1)))) < 1e-13)
    }
  }

  @Test func degenerateMatrices() {
    _ = check([Double](repeating: 0, count: 49), 7, tolerance: 1e-14)
    var identity = [Double](repeating: 0, count: 49)
    for i in 0..<7 { identity[i * 8] = 3 }
    #expect(check(identity, 7, tolerance: 1e-14).values == [Double](repeating: 3, count: 7))
    // Few directions, of very different sizes.
    let low = check(symmetric(40, seed: 9, rank: 3), 40, tolerance: 1e-12)
    #expect(low.values.filter { abs($0) > 1e-10 }.count == 3)
    var large = identity
    for i in 0..<7 { large[i * 8] = i == 2 ? 1e12 : 1e-6 }
    #expect(check(large, 7, tolerance: 1e-14).values.first == 1e12)
    #expect(SymmetricEigen([], size: 0).values.isEmpty)
  }

  @Test func signsAreFixed() {
    let eigen = SymmetricEigen([2, 0, 0, 1], size: 2)
    #expect(eigen.vectors == [1, 0, 0, 1])
  }
}
