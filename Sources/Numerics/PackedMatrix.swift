/// A weight matrix [rows (out), columns (in)], packed once for many products, in the form
/// that the engine reads. Its rows are rows of the product's right operand, transposed.
public struct PackedMatrix: ~Copyable, Sendable {
  /// Outputs.
  public let rows: Int
  /// Inputs.
  public let columns: Int
  private let engine: any ProductEngine
  private let packed: FloatBuffer

  /// Packs a row-major weight; the pointer is not kept.
  public init(weight: UnsafePointer<Float>, rows: Int, columns: Int) {
    self.init(weight: weight, rows: rows, columns: columns, engine: EngineChoice.current.engine)
  }

  package init(
    weight: UnsafePointer<Float>, rows: Int, columns: Int, engine: any ProductEngine
  ) {
    self.rows = rows
    self.columns = columns
    self.engine = engine
    packed = FloatBuffer(count: engine.packedCount(rows: rows, columns: columns))
    engine.pack(weight, rows: rows, columns: columns, into: packed.base)
  }

  /// out[m, rows] = x[m, columns] · Wᵀ + bias. Each chain starts from the bias, or from zero.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    guard m > 0 else { return }
    let rows = PackedRows(capacity: m, depth: columns, engine: engine)
    rows.fill(x, rows: m)
    multiply(out, rows, m: m, bias: bias)
  }

  /// The same from the first `m` rows of `x`, as they were filled in.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing PackedRows, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    tiles(x, m: m).multiply(out, m: m, n: rows, bias: bias)
  }

  /// out[m, width] = f(x · gateᵀ) · (x · upᵀ), f the unit's, of a weight in the order of `GateAndUp`.
  public borrowing func multiplyGated(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing PackedRows, m: Int, width: Int,
    _ unit: GatedLinearUnit = .swiGLU
  ) {
    tiles(x, m: m).multiplyGated(out, m: m, width: width, unit)
  }

  private borrowing func tiles(_ x: borrowing PackedRows, m: Int) -> any ProductTiles {
    engine.tiles(
      rows: x.packed, count: m, weight: UnsafePointer(packed.base), depth: columns, columns: rows)
  }
}
