import CKernels

/// Our own kernels: weights in panels, rows in slivers, as the inner loops read them. A row's bits
/// depend on that row alone and are the same on every CPU; so are those of linear algebra, where every
/// sum runs in one fixed order.
package struct PanelEngine: ProductEngine {
  package init() {}

  package var name: String { "our kernels" }
  package var version: String { "fma32-1" }
  package var keepsRowBits: Bool { true }
  package var rowsTogether: Int { Int(kernels.pointee.sliver) }

  package func matmul(
    _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    m: Int, k: Int, n: Int, transposeA: Bool, transposeB: Bool, accumulate: Bool
  ) {
    panelProduct(
      out, a, b, m: m, k: k, n: n, transposeA: transposeA, transposeB: transposeB,
      accumulate: accumulate)
  }

  /// Rows rounded up to whole panels.
  package func packedCount(rows: Int, columns: Int) -> Int {
    (rows + panelWidth - 1) / panelWidth * panelWidth * columns
  }

  package func pack(
    _ weight: UnsafePointer<Float>, rows: Int, columns: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let stride = columns * panelWidth
    parallel((rows + panelWidth - 1) / panelWidth) { panel in
      let first = panel * panelWidth
      kernels.pointee.pack_b(
        weight + first * columns, 1, columns, columns, min(panelWidth, rows - first),
        packed + panel * stride, stride)
    }
  }

  package func packRows(
    _ x: UnsafePointer<Float>, _ rows: Range<Int>, of count: Int, depth: Int,
    into packed: UnsafeMutablePointer<Float>
  ) {
    let slivered = Self.slivered(count)
    for block in depthBlocks(depth) {
      kernels.pointee.pack_a(
        x + block.lowerBound, depth, 1, rows.count, block.count,
        packed + block.lowerBound * slivered + rows.lowerBound * block.count)
    }
  }

  package func tiles(
    rows: UnsafePointer<Float>, count: Int, weight: UnsafePointer<Float>, depth: Int, columns: Int
  ) -> any ProductTiles {
    PanelTiles(slivers: rows, rows: Self.slivered(count), panels: weight, depth: depth)
  }

  package func eigen(_ matrix: [Double], size: Int) -> SymmetricEigen {
    SymmetricEigen(matrix, size: size)
  }

  package func solve(
    _ matrix: [Double], size: Int, _ right: [Double], columns: Int
  ) -> [Double]? {
    CholeskyFactor(matrix, size: size).map { $0.solve(right, columns: columns) }
  }

  private static func slivered(_ rows: Int) -> Int {
    let sliver = Int(kernels.pointee.sliver)
    return (rows + sliver - 1) / sliver * sliver
  }
}

/// What a product of packed rows and a packed weight reads.
private struct PanelTiles: ProductTiles {
  /// [depth / 256][rows / sliver][256][sliver]
  let slivers: UnsafePointer<Float>
  let rows: Int
  /// [columns / 16][depth][16]
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
          min(blockRows, rows.upperBound - row), columns.count, p.count,
          slivers + p.lowerBound * self.rows + row * p.count, first + p.lowerBound * panelWidth,
          depth * panelWidth, out + (row - rows.lowerBound) * outStride, outStride,
          p.lowerBound > 0 ? 1 : 0, bias.map { $0 + columns.lowerBound })
      }
    }
  }
}
