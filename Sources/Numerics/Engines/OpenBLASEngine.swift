import CKernels
import COpenBLAS

/// OpenBLAS, called from the tasks of our own thread team, each call on one thread: its threads would
/// be a second team on the same cores.
///
/// Operands stay as they lie. Products too small for it are our kernels': see `OpenBLASTiles`.
// Sendable: the library's table never changes after it is loaded, and lives as long as the process.
package struct OpenBLASEngine: ProductEngine, @unchecked Sendable {
  private let library: UnsafePointer<denju_openblas>
  private let isUnfused: Bool
  private let libraryVersion: String
  /// The family of CPUs whose kernels it took, as "SkylakeX".
  package let core: String

  /// The library, if it is there.
  private static let loaded: OpenBLASEngine? = denju_openblas_load().map { OpenBLASEngine($0) }

  private init(_ library: UnsafePointer<denju_openblas>) {
    self.init(
      library, isUnfused: false, libraryVersion: Self.text(library.pointee.version),
      core: Self.text(library.pointee.core))
  }

  private init(
    _ library: UnsafePointer<denju_openblas>, isUnfused: Bool, libraryVersion: String, core: String
  ) {
    self.library = library
    self.isUnfused = isUnfused
    self.libraryVersion = libraryVersion
    self.core = core
  }

  /// - Parameter isUnfused: whether the elementwise loops beside it round products and sums one by one.
  package static func load(isUnfused: Bool) -> OpenBLASEngine? {
    loaded.map {
      OpenBLASEngine(
        $0.library, isUnfused: isUnfused, libraryVersion: $0.libraryVersion, core: $0.core)
    }
  }

  package var name: String { "OpenBLAS \(libraryVersion), \(core) kernels" }

  package var version: String {
    "openblas-1 \(libraryVersion) \(core)" + (isUnfused ? " unfused" : "")
  }

  /// Kernels that were tried, in the sizes that `OpenBLASTiles` asks for. With Haswell's, which Zen's
  /// are too, it matters which of twelve rows a row is.
  package var keepsRowBits: Bool {
    ["SkylakeX", "Cooperlake", "Sandybridge", "Nehalem", "Prescott"].contains(core)
  }

  package func matmul(
    _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    m: Int, k: Int, n: Int, transposeA: Bool, transposeB: Bool, accumulate: Bool
  ) {
    OpenBLASTiles(
      library: library, left: PlainOperand(a, transposeA ? m : k, isTransposed: transposeA),
      right: PlainOperand(b, transposeB ? k : n, isTransposed: transposeB), depth: k, columns: n,
      accumulates: accumulate
    ).multiply(out, m: m, n: n, bias: nil)
  }

  package func packedCount(rows: Int, columns: Int) -> Int { rows * columns }

  package func pack(
    _ weight: UnsafePointer<Float>, rows: Int, columns: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    packed.update(from: weight, count: rows * columns)
  }

  package var rowsTogether: Int { OpenBLASTiles.rowsOfACall }

  package func packRows(
    _ x: UnsafePointer<Float>, _ rows: Range<Int>, of count: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    (packed + rows.lowerBound * depth).update(from: x, count: rows.count * depth)
  }

  package func tiles(
    rows: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>, depth: Int, columns: Int
  ) -> any ProductTiles {
    OpenBLASTiles(
      library: library, left: PlainOperand(rows, depth, isTransposed: false),
      right: PlainOperand(weight, depth, isTransposed: true), depth: depth, columns: columns,
      accumulates: false)
  }

  package func eigen(_ matrix: [Double], size n: Int) -> SymmetricEigen {
    var rows = matrix
    var values = [Double](repeating: 0, count: n)
    let status =
      n > 0 ? denju_openblas_eigen(library, Int32(clamping: n), &rows, &values) : 0
    // It fails where its iteration does not end, which is not known to happen for finite matrices.
    guard status == 0 else { return SymmetricEigen(matrix, size: n) }
    return SymmetricEigen(values: values, rows: rows)
  }

  package func solve(
    _ matrix: [Double], size n: Int, _ right: [Double], columns: Int
  ) -> [Double]? {
    guard n > 0, columns > 0 else { return [] }
    var (factor, solution) = (matrix, right)
    let status = denju_openblas_solve(
      library, Int32(clamping: n), Int32(clamping: columns), &factor, &solution)
    // LAPACK's comparisons let a value through that is no number.
    return status == 0 && solution.allSatisfy(\.isFinite) ? solution : nil
  }

  /// A text of C in an array of characters, which Swift sees as a tuple.
  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
