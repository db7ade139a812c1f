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

  /// Copies row `row` of the weight, [columns], to `out`: the same table serves as an embedding and
  /// as the output layer tied to it.
  public borrowing func copyRow(_ row: Int, to out: UnsafeMutablePointer<Float>) {
    let from = panels.base + row / panelWidth * panelWidth * columns + row % panelWidth
    for column in 0..<columns { out[column] = from[column * panelWidth] }
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
    let (depth, width, base) = (columns, rows, panels.base)
    let left = x.slivers(of: m)
    parallelTiles(m: m, n: rows) { rows, columnRange in
      let first = base + columnRange.lowerBound * depth
      for p in depthBlocks(depth) {
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
          kernels.pointee.multiply_block(
            min(blockRows, rows.upperBound - row), columnRange.count, p.count,
            left.block(p, from: row), first + p.lowerBound * panelWidth, depth * panelWidth,
            out + row * width + columnRange.lowerBound, width, p.lowerBound > 0 ? 1 : 0,
            bias.map { $0 + columnRange.lowerBound })
        }
      }
    }
  }
}

/// Cuts an output [m, n] into some dozens of pieces, so that the threads end together, and runs them
/// in parallel. Pieces are cut at slivers of rows, and of columns at pairs of panels.
func parallelTiles(
  m: Int, n: Int, _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
) {
  guard m > 0, n > 0 else { return }
  let threads = ThreadTeam.shared.count
  let pair = 2 * panelWidth
  let width = max((n + 6 * threads - 1) / (6 * threads) + pair - 1, pair) / pair * pair
  let across = (n + width - 1) / width
  // Fewer rows than these wait for the weights more than they compute.
  let sliver = Int(kernels.pointee.sliver)
  let down = min(max(16 * threads / across, 1), max(m / (6 * sliver), 1))
  let height = ((m + down - 1) / down + sliver - 1) / sliver * sliver
  let pieces = across * ((m + height - 1) / height)
  parallel(pieces) { index in
    let (i, j) = (index / across * height, index % across * width)
    body(i..<min(i + height, m), j..<min(j + width, n))
  }
}
