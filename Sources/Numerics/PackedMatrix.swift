import CKernels

/// A weight matrix [rows (out), columns (in)], packed once for many products.
///
/// Holds `rows` rounded up to 16, times `columns`, float32 values.
public struct PackedMatrix: ~Copyable, Sendable {
  /// Outputs.
  public let rows: Int
  /// Inputs.
  public let columns: Int
  private let panels: FloatBuffer

  /// Packs a row-major weight; the pointer is not kept.
  public init(weight: UnsafePointer<Float>, rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    let panelCount = (rows + panelWidth - 1) / panelWidth
    let stride = columns * panelWidth
    panels = FloatBuffer(count: panelCount * stride)
    let base = panels.base
    parallel(panelCount) { panel in
      let first = panel * panelWidth
      kernels.pointee.pack_b(
        weight + first * columns, 1, columns, columns, min(panelWidth, rows - first),
        base + panel * stride, stride)
    }
  }

  /// out[m, rows] = x[m, columns] · Wᵀ + bias. Each chain starts from the bias, or from zero.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    guard m > 0 else { return }
    let packed = PackedRows(capacity: m, depth: columns)
    packed.fill(x, rows: m)
    multiply(out, packed, m: m, bias: bias)
  }

  /// The same from the first `m` rows of `x`, as they were filled in.
  public borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing PackedRows, m: Int,
    bias: UnsafePointer<Float>? = nil
  ) {
    tiles(x, m: m).multiply(out, m: m, n: rows, bias: bias)
  }

  /// out[m, width] = silu(x · gateᵀ) · (x · upᵀ), of a weight in the order of `GateAndUp`.
  public borrowing func multiplyGated(
    _ out: UnsafeMutablePointer<Float>, _ x: borrowing PackedRows, m: Int, width: Int
  ) {
    tiles(x, m: m).multiplyGated(out, m: m, width: width)
  }

  private borrowing func tiles(_ x: borrowing PackedRows, m: Int) -> PackedTiles {
    PackedTiles(left: x.slivers(of: m), panels: UnsafePointer(panels.base), depth: columns)
  }
}

/// What a product with a packed weight reads, while both live.
private struct PackedTiles: ProductTiles {
  let left: PackedRows.Slivers
  let panels: UnsafePointer<Float>
  let depth: Int

  func compute(
    _ out: UnsafeMutablePointer<Float>, stride outStride: Int, rows: Range<Int>,
    columns: Range<Int>, bias: UnsafePointer<Float>?
  ) {
    let first = panels + columns.lowerBound * depth
    for p in depthBlocks(depth) {
      for row in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
        kernels.pointee.multiply_block(
          min(blockRows, rows.upperBound - row), columns.count, p.count, left.block(p, from: row),
          first + p.lowerBound * panelWidth, depth * panelWidth,
          out + (row - rows.lowerBound) * outStride, outStride, p.lowerBound > 0 ? 1 : 0,
          bias.map { $0 + columns.lowerBound })
      }
    }
  }
}
