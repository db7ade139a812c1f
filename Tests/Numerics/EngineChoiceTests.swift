import CKernels
import Numerics
import Testing

/// Which engine is in use, by what the environment says and what the machine has.
@Suite struct EngineChoiceTests {
  /// An engine that only has a name.
  private func choice(
    _ asked: String?, _ best: denju_level, installed: Bool = true
  ) -> EngineChoice {
    EngineChoice(asked: asked, best: best) { _ in installed ? NamedEngine() : nil }
  }

  @Test(arguments: [DENJU_AVX2, DENJU_AVX512])
  func `our kernels where they are fast, OpenBLAS where it is asked for`(best: denju_level) {
    for asked in [nil, "", "portable", "avx2", "avx512"] {
      let choice = choice(asked, best)
      #expect(choice.engine is PanelEngine && choice.problem == nil && !choice.isUnfused)
    }
    let choice = choice("openblas", best)
    #expect(choice.engine is NamedEngine && choice.problem == nil && !choice.isUnfused)
  }

  @Test func `OpenBLAS by default on a CPU that only portable kernels run on`() {
    let choice = choice(nil, DENJU_PORTABLE)
    #expect(choice.engine is NamedEngine && choice.problem == nil)
    #if arch(x86_64)
      #expect(choice.isUnfused)
    #endif
    let named = self.choice("portable", DENJU_PORTABLE)
    #expect(named.engine is PanelEngine && named.problem == nil && !named.isUnfused)
  }

  @Test func `without the library our kernels, and an error for who asked for it`() {
    let silent = choice(nil, DENJU_PORTABLE, installed: false)
    #expect(silent.engine is PanelEngine && silent.problem == nil && !silent.isUnfused)
    let asked = choice("openblas", DENJU_AVX2, installed: false)
    #expect(asked.engine is PanelEngine && asked.problem == .noOpenBLAS)
  }

  @Test func `dense systems are LAPACK's where it is there, unless our kernels are named`() {
    func solver(_ asked: String?, installed: Bool = true) -> any ProductEngine {
      EngineChoice.solver(asked: asked, engine: PanelEngine()) { _ in
        installed ? NamedEngine() : nil
      }
    }
    for asked in [nil, "", "openblas"] {
      #expect(solver(asked) is NamedEngine)
      #expect(solver(asked, installed: false) is PanelEngine)
    }
    for asked in ["portable", "avx2", "avx512"] { #expect(solver(asked) is PanelEngine) }
  }

  @Test func `a name that there is not is an error`() {
    #expect(choice("avx1024", DENJU_AVX2).problem == .unknownSIMD("avx1024"))
  }
}

/// Stands in for OpenBLAS where only the choice matters.
private struct NamedEngine: ProductEngine {
  private let other = PanelEngine()
  var name: String { "named" }
  var version: String { "named-1" }
  var keepsRowBits: Bool { true }
  var rowsTogether: Int { other.rowsTogether }

  func matmul(
    _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    m: Int, k: Int, n: Int, transposeA: Bool, transposeB: Bool, accumulate: Bool
  ) {}

  func packedCount(rows: Int, columns: Int) -> Int { 0 }
  func pack(
    _ weight: UnsafePointer<Float>, rows: Int, columns: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {}
  func packRows(
    _ x: UnsafePointer<Float>, _ rows: Range<Int>, of count: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {}
  func tiles(
    rows: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>, depth: Int, columns: Int
  ) -> any ProductTiles {
    other.tiles(rows: rows, count: count, weight: weight, depth: depth, columns: columns)
  }
  func eigen(_ matrix: [Double], size: Int) -> SymmetricEigen { other.eigen(matrix, size: size) }
  func solve(_ matrix: [Double], size: Int, _ right: [Double], columns: Int) -> [Double]? { nil }
}
