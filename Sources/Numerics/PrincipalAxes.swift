/// The directions in which rows vary, orthonormal, those of most variation first (principal components
/// without centring).
///
/// A linear model with a penalty on the square of its weights is the same fit in these coordinates as in the
/// rows' own: they only turn. There are as many as the smaller of rows and width, fewer where rows
/// depend on each other, and along each the rows' sum of squares is known.
///
/// Shapes: N rows, C width, R axes; X [N, C], axes A [R, C]. Where C <= N the axes are eigenvectors of XᵀX [C, C],
/// else Λ^-1/2 Qᵀ X by those of X Xᵀ = Qᵀ Λ Q [N, N].
public struct PrincipalAxes: Sendable {
  /// Sums of the rows' squares along each axis, descending: N times a variance, where rows are centred.
  public let squares: [Double]
  /// [R, C].
  private let axes: [Float]
  private let width: Int

  /// An axis with less than this part of the first one's squares is left out: products are summed in
  /// float32, whose noise it would be.
  private static let leastPart = 1e-5

  /// - Parameter rows: X, finite.
  public init(_ rows: Rows) {
    let (count, width) = (rows.count, rows.width)
    let isWide = width > count
    let size = min(count, width)
    var products = [Float](repeating: 0, count: size * size)
    products.withUnsafeMutableBufferPointer { products in
      guard let products = products.baseAddress else { return }
      matmul(
        products, rows.base, rows.base, m: size, k: isWide ? width : count, n: size,
        transposeA: !isWide, transposeB: isWide)
    }
    let eigen = LinearAlgebra.eigen(products.map(Double.init), size: size)
    let least = Self.leastPart * max(eigen.values.first ?? 0, 0)
    squares = Array(eigen.values.prefix { $0 > least })
    self.width = width
    let vectors = eigen.vectors.prefix(squares.count * size).map { Float($0) }
    axes = isWide ? Self.turned(vectors, rows, squares) : vectors
  }

  /// How many axes there are.
  public var count: Int { squares.count }

  /// Λ^-1/2 Qᵀ X.
  private static func turned(_ vectors: [Float], _ rows: Rows, _ squares: [Double]) -> [Float] {
    var axes = [Float](repeating: 0, count: squares.count * rows.width)
    axes.withUnsafeMutableBufferPointer { axes in
      guard let axes = axes.baseAddress else { return }
      matmul(axes, vectors, rows.base, m: squares.count, k: rows.count, n: rows.width)
      for (index, square) in squares.enumerated() {
        let scale = Float(1 / square.squareRoot())
        for column in 0..<rows.width { axes[index * rows.width + column] *= scale }
      }
    }
    return axes
  }

  /// Writes the coordinates [N, R] of rows [N, C], these or others.
  public func coordinates(_ out: Rows, of rows: Rows) {
    precondition(
      rows.width == width && out.width == count && out.count == rows.count,
      "coordinates of rows of \(width) are rows of \(count)")
    matmul(
      out.base, rows.base, axes, m: rows.count, k: width, n: count, transposeB: true)
  }
}
