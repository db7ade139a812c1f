import CKernels
import COpenBLAS

/// A matrix as it lies in memory, its rows or (transposed) its columns `stride` values apart.
struct PlainOperand {
  let base: UnsafePointer<Float>
  let stride: Int
  let isTransposed: Bool

  init(_ base: UnsafePointer<Float>, _ stride: Int, isTransposed: Bool) {
    self.base = base
    self.stride = stride
    self.isTransposed = isTransposed
  }

  var rowStride: Int { isTransposed ? 1 : stride }
  var columnStride: Int { isTransposed ? stride : 1 }
  var order: Int32 { Int32(isTransposed ? DENJU_TRANSPOSED : DENJU_PLAIN) }
}

/// A product out[m, columns] (+)= left[m, depth] · right[depth, columns] by calls of OpenBLAS, one a
/// piece of the output.
///
/// What its kernels do with a row depends on the size of the call, in two ways that these calls avoid:
/// rows at the end, fewer than make up a tile, go through other code (so rows come in sixteens, filled up
/// with zeros), and a product of less than a million multiply-adds may (so such weights are our own
/// kernels'). Tried with 0.3.21 on the kernels that `OpenBLASEngine.keepsRowBits` names.
struct OpenBLASTiles: ProductTiles {
  let library: UnsafePointer<denju_openblas>
  let left: PlainOperand
  let right: PlainOperand
  let depth: Int
  let columns: Int
  let accumulates: Bool

  static let rowsOfACall = 16
  /// Values of a weight whose product with so many rows is not small to OpenBLAS.
  private static let leastWeight = 1 << 16

  /// It does not depend on the rows, so that all of them go one way, in whatever batch.
  private var isSmall: Bool { depth * columns < Self.leastWeight }

  /// One cut across the longer side: every call packs both operands again.
  func grid(m: Int, n: Int) -> TileGrid {
    guard !isSmall else { return .panels(m: m, n: n) }
    let wanted = ThreadTeam.shared.count == 1 ? 1 : 2 * ThreadTeam.shared.count
    let across = n < m ? 1 : max(min(wanted, n * depth / (2 * Self.leastWeight), n / 64), 1)
    let down = max(min(wanted / across, m / 64), 1)
    return TileGrid(
      m: m, n: n, height: m / down / Self.rowsOfACall * Self.rowsOfACall,
      width: n / across / panelWidth * panelWidth, down: down, across: across)
  }

  func compute(
    _ out: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>,
    bias: UnsafePointer<Float>?
  ) {
    if let bias {
      for row in 0..<rows.count {
        (out + row * stride).update(from: bias + columns.lowerBound, count: columns.count)
      }
    }
    let goesOn = accumulates || bias != nil
    let whole = (rows.count + Self.rowsOfACall - 1) / Self.rowsOfACall * Self.rowsOfACall
    if isSmall {
      multiplySmall(out, stride: stride, rows: rows, columns: columns, goesOn: goesOn)
    } else if whole == rows.count {
      multiply(
        out, stride, left, from: rows.lowerBound, count: rows.count, columns, goesOn: goesOn)
    } else {
      withScratch(whole * (depth + columns.count)) { scratch in
        let result = scratch + whole * depth
        gather(rows, whole, into: scratch)
        for row in 0..<whole {
          let to = result + row * columns.count
          if goesOn && row < rows.count {
            to.update(from: out + row * stride, count: columns.count)
          } else {
            to.update(repeating: 0, count: columns.count)
          }
        }
        multiply(
          result, columns.count, PlainOperand(scratch, depth, isTransposed: false), from: 0,
          count: whole, columns, goesOn: goesOn)
        for row in 0..<rows.count {
          (out + row * stride).update(from: result + row * columns.count, count: columns.count)
        }
      }
    }
  }

  /// One call.
  private func multiply(
    _ out: UnsafeMutablePointer<Float>, _ stride: Int, _ left: PlainOperand, from row: Int,
    count: Int, _ columns: Range<Int>, goesOn: Bool
  ) {
    library.pointee.sgemm(
      Int32(DENJU_ROW_MAJOR), left.order, right.order, Int32(clamping: count),
      Int32(clamping: columns.count), Int32(clamping: depth), 1, left.base + row * left.rowStride,
      Int32(clamping: left.stride), right.base + columns.lowerBound * right.columnStride,
      Int32(clamping: right.stride), goesOn ? 1 : 0, out, Int32(clamping: stride))
  }

  /// Copies rows one behind the other, and zeros after them up to `whole` rows.
  private func gather(_ rows: Range<Int>, _ whole: Int, into to: UnsafeMutablePointer<Float>) {
    for (place, row) in rows.enumerated() {
      let from = left.base + row * left.rowStride
      let to = to + place * depth
      if left.isTransposed {
        for p in 0..<depth { to[p] = from[p * left.stride] }
      } else {
        to.update(from: from, count: depth)
      }
    }
    (to + rows.count * depth).update(repeating: 0, count: (whole - rows.count) * depth)
  }

  /// The same by our own kernels, which pack both operands here.
  private func multiplySmall(
    _ out: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, columns: Range<Int>,
    goesOn: Bool
  ) {
    let sliver = Int(kernels.pointee.sliver)
    let slivers = (rows.count + sliver - 1) / sliver * sliver * depth
    let panels = (columns.count + panelWidth - 1) / panelWidth * panelWidth * depth
    withScratch(slivers + panels + 1) { a in
      let b = a + slivers
      kernels.pointee.pack_a(
        left.base + rows.lowerBound * left.rowStride, left.rowStride, left.columnStride,
        rows.count, depth, a)
      kernels.pointee.pack_b(
        right.base + columns.lowerBound * right.columnStride, right.rowStride, right.columnStride,
        depth, columns.count, b, depth * panelWidth)
      kernels.pointee.multiply_block(
        rows.count, columns.count, depth, a, b, depth * panelWidth, out, stride, goesOn ? 1 : 0,
        nil)
    }
  }
}
