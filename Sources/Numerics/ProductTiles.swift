import CKernels

/// A product out[m, n] = x · Wᵀ + bias of operands in the form that inner loops read, which can be
/// computed piece by piece in any order.
protocol ProductTiles {
  /// Writes the outputs of `rows` and `columns` to `out`, rows `stride` values apart. Pieces begin at
  /// multiples of a sliver of rows and of a panel of columns.
  func compute(
    _ out: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>,
    bias: UnsafePointer<Float>?)
}

extension ProductTiles {
  /// The whole product, on all threads.
  func multiply(
    _ out: UnsafeMutablePointer<Float>, m: Int, n: Int, bias: UnsafePointer<Float>?
  ) {
    parallelTiles(m: m, n: n) { rows, columns in
      compute(
        out + rows.lowerBound * n + columns.lowerBound, stride: n, rows: rows, columns: columns,
        bias: bias)
    }
  }

  /// out[m, width] = silu(gate) · up of a product whose columns are in the order of `GateAndUp`: a
  /// piece is still in the second-level cache when its gate is applied.
  func multiplyGated(_ out: UnsafeMutablePointer<Float>, m: Int, width: Int) {
    parallelTiles(m: m, n: GateAndUp.rows(width: width)) { rows, columns in
      withScratch(rows.count * columns.count) { piece in
        compute(piece, stride: columns.count, rows: rows, columns: columns, bias: nil)
        let first = columns.lowerBound / 2
        let count = min(columns.upperBound / 2, width) - first
        for (place, row) in rows.enumerated() {
          swiGLU(
            out + row * width + first, gateAndUp: piece + place * columns.count, width: count)
        }
      }
    }
  }
}

/// Cuts an output [m, n] into some dozens of pieces, so that the threads end together, and runs them
/// in parallel. Pieces are cut at slivers of rows, and of columns at pairs of panels.
private func parallelTiles(
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
