import Numerics
import Testing

/// The matrix product against a plain one in double precision, at sizes on and beside every edge of
/// the blocking, and the promise that a row's bits depend on that row alone.
@Suite struct MatrixProductTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    let m: Int, k: Int, n: Int
    var testDescription: String { "\(m) x \(k) x \(n)" }
  }

  static let shapes = [
    Shape(m: 1, k: 1, n: 1), Shape(m: 1, k: 257, n: 33), Shape(m: 7, k: 16, n: 15),
    Shape(m: 6, k: 256, n: 16), Shape(m: 13, k: 255, n: 17), Shape(m: 169, k: 300, n: 70),
    Shape(m: 2, k: 600, n: 530), Shape(m: 340, k: 9, n: 1030), Shape(m: 5, k: 0, n: 4),
  ]

  @Test(arguments: shapes, [(false, false), (false, true), (true, false), (true, true)])
  func agreesWithDoublePrecision(_ shape: Shape, _ transposed: (a: Bool, b: Bool)) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    let a = random(m * k, seed: 1)
    let b = random(k * n, seed: 2)
    let out = random(m * n, seed: 3)
    let before = out.array()
    matmul(
      out.base, a.base, b.base, m: m, k: k, n: n, transposeA: transposed.a,
      transposeB: transposed.b, accumulate: true)
    for i in 0..<m {
      for j in 0..<n {
        var expected = Double(before[i * n + j])
        for p in 0..<k {
          expected +=
            Double(transposed.a ? a[p * m + i] : a[i * k + p])
            * Double(transposed.b ? b[j * k + p] : b[p * n + j])
        }
        // A chain of k roundings of partial sums that stay within about √k of zero.
        let bound = 6e-8 * Double(k + 1) * 3
        #expect(abs(Double(out[i * n + j]) - expected) <= bound)
      }
    }
  }

  @Test(arguments: shapes) func packedWeightsGiveTheSameBits(_ shape: Shape) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    let x = random(m * k, seed: 4)
    let w = random(n * k, seed: 5)
    let plain = FloatBuffer(count: m * n)
    let packed = FloatBuffer(count: m * n)
    matmul(plain.base, x.base, w.base, m: m, k: k, n: n, transposeB: true)
    PackedMatrix(weight: w.base, rows: n, columns: k).multiply(packed.base, x.base, m: m)
    #expect(k == 0 || packed.array() == plain.array())
  }

  @Test(
    .enabled(
      if: Numerics.keepsRowBits,
      "OpenBLAS is exempt: with these of its kernels a row's bits depend on its place"))
  func aRowDoesNotDependOnItsBatchNorOnThreads() {
    let (m, k, n) = (203, 577, 211)
    let x = random(m * k, seed: 6)
    let w = random(n * k, seed: 7)
    let bias = random(n, seed: 8)
    let weight = PackedMatrix(weight: w.base, rows: n, columns: k)
    let all = FloatBuffer(count: m * n)
    weight.multiply(all.base, x.base, m: m, bias: bias.base)
    let one = FloatBuffer(count: m * n)
    ThreadTeam.shared.limited(to: 1) {
      for row in stride(from: 0, to: m, by: 7) {
        let count = min(7, m - row)
        weight.multiply(one.base + row * n, x.base + row * k, m: count, bias: bias.base)
      }
    }
    #expect(one.array() == all.array())
  }
}

func random(_ count: Int, seed: UInt64) -> FloatBuffer {
  var generator = SeededGenerator(seed: seed)
  let buffer = FloatBuffer(count: count)
  for index in 0..<count { buffer[index] = 2 * generator.uniform() - 1 }
  return buffer
}
