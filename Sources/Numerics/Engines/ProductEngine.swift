/// What computes float32 products and dense linear algebra: the seam behind `matmul`, `PackedMatrix`,
/// `PackedRows` and `LinearAlgebra`. There is one in use in a process, `EngineChoice.current`.
///
/// Elementwise loops, the products of attention's heads and those of 8-bit codes are no engine's:
/// they are the kernels of the CPU.
package protocol ProductEngine: Sendable {
  /// What people call it.
  var name: String { get }

  /// Names its arithmetic: see `Numerics.version`.
  var version: String { get }

  /// Whether a row of a product has the same bits whatever the other rows and the threads are.
  var keepsRowBits: Bool { get }

  /// See the function of that name.
  func matmul(
    _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    m: Int, k: Int, n: Int, transposeA: Bool, transposeB: Bool, accumulate: Bool)

  /// Floats that a weight [rows, columns] takes in the form that products with it read.
  func packedCount(rows: Int, columns: Int) -> Int

  /// Brings a row-major weight [rows, columns] into that form.
  func pack(
    _ weight: UnsafePointer<Float>, rows: Int, columns: Int,
    into packed: UnsafeMutablePointer<Float>)

  /// Rows of a left operand that are brought into its form together.
  var rowsTogether: Int { get }

  /// Brings some of `count` rows [depth] each into the form that products with packed weights read:
  /// `rows` begins at a multiple of `rowsTogether`, and `x` is its first row.
  func packRows(
    _ x: UnsafePointer<Float>, _ rows: Range<Int>, of count: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>)

  /// The product of `count` packed rows and a packed weight [columns, depth], to be computed while
  /// both live.
  func tiles(
    rows: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>, depth: Int, columns: Int
  ) -> any ProductTiles

  /// The eigenvalues and eigenvectors of a symmetric matrix [size, size], whose lower triangle is
  /// read.
  func eigen(_ matrix: [Double], size: Int) -> SymmetricEigen

  /// X of A X = B, for a symmetric positive definite A [size, size], whose lower triangle is read.
  /// B and X are [columns, size], a column of B a row here; `nil` where A is not positive definite.
  func solve(_ matrix: [Double], size: Int, _ right: [Double], columns: Int) -> [Double]?
}
