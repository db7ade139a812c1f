import Numerics
import Testing

@Suite struct MatrixInverseTests {
  @Test(arguments: [1, 2, 17, 96])
  func aMatrixTimesItsInverseIsTheIdentity(size n: Int) throws {
    var generator = SeededGenerator(seed: 2)
    // The first diagonal elements are zero, so that rows have to be exchanged.
    let matrix = (0..<n * n).map { index in
      index / n == index % n && index < n * n / 2 && n > 1 ? 0 : Double(generator.normal())
    }
    let inverse = try #require(matrixInverse(matrix, size: n))
    for i in 0..<n {
      for j in 0..<n {
        let product = (0..<n).reduce(0.0) { $0 + matrix[i * n + $1] * inverse[$1 * n + j] }
        #expect(abs(product - (i == j ? 1 : 0)) < 1e-9)
      }
    }
  }

  @Test func aSingularMatrixHasNone() {
    #expect(matrixInverse([1, 2, 2, 4], size: 2) == nil)
    #expect(matrixInverse([0], size: 1) == nil)
    #expect(matrixInverse([.nan], size: 1) == nil)
  }
}
