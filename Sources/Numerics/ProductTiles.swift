import CKernels

/// A product out[m, n] = x · Wᵀ + bias of operands in the form that inner loops read, which can be
/// computed piece by piece in any order.
package protocol ProductTiles {
  /// How an output [m, n] is cut for all threads.
  func grid(m: Int, n: Int) -> TileGrid

  /// Writes the outputs of `rows` and `columns` to `out`, rows `stride` values apart. Pieces begin at
  /// multiples of a sliver of rows and of a panel of columns.
  func compute(
    _ out: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>,
    bias: UnsafePointer<Float>?)
}

extension ProductTiles {
  func grid(m: Int, n: Int) -> TileGrid { .panels(m: m, n: n) }

  /// The whole product, on all threads.
  func multiply(
    _ out: UnsafeMutablePointer<Float>, m: Int, n: Int, bias: UnsafePointer<Float>?
  ) {
    grid(m: m, n: n).runPieces { rows, columns in
      compute(
        out + rows.lowerBound * n + columns.lowerBound, stride: n, rows: rows, columns: columns,
        bias: bias)
    }
  }

  /// out[m, width] = f(gate) · up of a product whose columns are in the order of `GateAndUp`: a
  /// piece is still in the second-level cache when its gate is applied.
  func multiplyGated(
    _ out: UnsafeMutablePointer<Float>, m: Int, width: Int, _ unit: GatedLinearUnit
  ) {
    grid(m: m, n: GateAndUp.rows(width: width)).runPieces { rows, columns in
      withScratch(rows.count * columns.count) { piece in
        compute(piece, stride: columns.count, rows: rows, columns: columns, bias: nil)
        let first = columns.lowerBound / 2
        let count = min(columns.upperBound / 2, width) - first
        for (place, row) in rows.enumerated() {
          unit.apply(
            out + row * width + first, gateAndUp: piece + place * columns.count, width: count)
        }
      }
    }
  }
}

/// How an output [m, n] is cut into pieces of `height` rows and `width` columns, `down` by `across` of
/// them; the last ones are what remains.
package struct TileGrid: Equatable {
  let m: Int
  let n: Int
  let height: Int
  let width: Int
  let down: Int
  let across: Int

  /// Some dozens of pieces, so that the threads end together, cut at slivers of rows, and of columns
  /// at pairs of panels.
  static func panels(m: Int, n: Int) -> TileGrid {
    let threads = ThreadTeam.shared.count
    let pair = 2 * panelWidth
    let width = max((n + 6 * threads - 1) / (6 * threads) + pair - 1, pair) / pair * pair
    let across = max((n + width - 1) / width, 1)
    // Fewer rows than these wait for the weights more than they compute.
    let sliver = Int(kernels.pointee.sliver)
    let down = min(max(16 * threads / across, 1), max(m / (6 * sliver), 1))
    let height = max((m + down - 1) / down + sliver - 1, sliver) / sliver * sliver
    return TileGrid(
      m: m, n: n, height: height, width: width, down: (m + height - 1) / height, across: across)
  }

  /// Runs all pieces in parallel.
  func runPieces(_ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void) {
    guard m > 0, n > 0 else { return }
    parallel(down * across) { index in
      let (i, j) = (index / across, index % across)
      body(
        i * height..<(i + 1 == down ? m : (i + 1) * height),
        j * width..<(j + 1 == across ? n : (j + 1) * width))
    }
  }
}
