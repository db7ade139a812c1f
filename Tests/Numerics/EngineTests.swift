import Numerics
import Testing

/// Both engines, one suite: products against plain ones in double precision, and what each promises of
/// bits.
@Suite struct EngineTests {
  static let openBLAS = OpenBLASEngine.load(isUnfused: false)
  static let engines: [any ProductEngine] =
    [PanelEngine()] + (openBLAS.map { [$0] } ?? [])

  struct Shape: Sendable, CustomTestStringConvertible {
    let m: Int, k: Int, n: Int
    var testDescription: String { "\(m) x \(k) x \(n)" }
  }

  /// On both sides of what OpenBLAS computes, and with rows and columns left over.
  static let shapes = [
    Shape(m: 1, k: 3, n: 5), Shape(m: 33, k: 64, n: 70), Shape(m: 1, k: 300, n: 220),
    Shape(m: 16, k: 257, n: 256), Shape(m: 100, k: 512, n: 515), Shape(m: 5, k: 0, n: 4),
  ]

  @Test(.enabled(if: openBLAS != nil, "libopenblas0 is not installed"))
  func `OpenBLAS took kernels for this CPU, and says which`() throws {
    let engine = try #require(Self.openBLAS)
    // What Debian's takes by itself for a CPU that is newer than it.
    #expect(engine.core != "Prescott")
    #expect(engine.version.hasPrefix("openblas-1 ") && engine.version.contains(engine.core))
    #expect(
      OpenBLASEngine.load(isUnfused: true)?.version == engine.version + " unfused",
      "other elementwise loops are other bits")
  }

  @Test func `the engine that the environment asks for is the one in use`() {
    #expect(EngineChoice.current.problem == nil)
  }

  @Test(arguments: shapes, [(false, false), (false, true), (true, false), (true, true)])
  func `a product agrees with double precision`(_ shape: Shape, _ transposed: (a: Bool, b: Bool)) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    let a = random(m * k, seed: 1)
    let b = random(k * n, seed: 2)
    for (engine, adds) in Self.engines.flatMap({ [($0, false), ($0, true)] }) {
      let out = random(m * n, seed: 3)
      let before = out.array()
      engine.matmul(
        out.base, a.base, b.base, m: m, k: k, n: n, transposeA: transposed.a,
        transposeB: transposed.b, accumulate: adds)
      var worst = 0.0
      for i in 0..<m {
        for j in 0..<n {
          var expected = adds ? Double(before[i * n + j]) : 0
          for p in 0..<k {
            expected +=
              Double(transposed.a ? a[p * m + i] : a[i * k + p])
              * Double(transposed.b ? b[j * k + p] : b[p * n + j])
          }
          worst = max(worst, abs(Double(out[i * n + j]) - expected))
        }
      }
      // Sums of k roundings of partial sums that stay within about √k of zero.
      #expect(worst <= 6e-8 * Double(k + 1) * 3, "\(engine.name)")
    }
  }

  @Test(arguments: shapes) func `a packed weight gives the bits of a plain one`(_ shape: Shape) {
    let (m, k, n) = (shape.m, shape.k, shape.n)
    let x = random(m * k, seed: 4)
    let w = random(n * k, seed: 5)
    let bias = random(n, seed: 6)
    for engine in Self.engines {
      let plain = FloatBuffer(count: m * n)
      let packed = FloatBuffer(count: m * n)
      for row in 0..<m { (plain.base + row * n).update(from: bias.base, count: n) }
      engine.matmul(
        plain.base, x.base, w.base, m: m, k: k, n: n, transposeA: false, transposeB: true,
        accumulate: true)
      PackedMatrix(weight: w.base, rows: n, columns: k, engine: engine).multiply(
        packed.base, x.base, m: m, bias: bias.base)
      #expect(k == 0 || packed.array() == plain.array(), "\(engine.name)")
    }
  }

  /// Weights that OpenBLAS computes, with columns left over, and one that is too small for it.
  @Test(arguments: [(577, 211), (576, 960), (260, 256), (60, 70)])
  func `a row's bits depend on that row alone, where it is promised`(k: Int, n: Int) {
    let m = 203
    let x = random(m * k, seed: 7)
    let w = random(n * k, seed: 8)
    for engine in Self.engines where engine.keepsRowBits {
      let weight = PackedMatrix(weight: w.base, rows: n, columns: k, engine: engine)
      let all = FloatBuffer(count: m * n)
      weight.multiply(all.base, x.base, m: m)
      for count in [1, 7, 16, 50] {
        let some = FloatBuffer(count: m * n)
        ThreadTeam.shared.limited(to: 1) {
          for row in stride(from: 0, to: m, by: count) {
            weight.multiply(
              some.base + row * n, x.base + row * k, m: min(count, m - row))
          }
        }
        #expect(some.array() == all.array(), "\(engine.name), \(count) rows at a time")
      }
    }
  }

  @Test func `the same step gives the same bits, with every engine`() {
    let (m, k, n) = (37, 576, 300)
    let x = random(m * k, seed: 9)
    let w = random(n * k, seed: 10)
    for engine in Self.engines {
      let results = (0..<5).map { _ in
        let out = FloatBuffer(count: m * n)
        PackedMatrix(weight: w.base, rows: n, columns: k, engine: engine).multiply(
          out.base, x.base, m: m)
        return out.array()
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(engine.name)")
    }
  }
}
