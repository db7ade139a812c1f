import CKernels

/// The left operand of products with packed weights: rows [m, depth], packed once for all of them.
///
/// Laid out [depth / 256][m / sliver][256][sliver], as the inner loop reads it. One buffer serves many
/// fillings, one after the other.
public struct PackedRows: ~Copyable, ProductRows {
  /// Values a row.
  public let depth: Int
  /// Rows there is room for.
  public let capacity: Int
  private let buffer: FloatBuffer

  public init(capacity: Int, depth: Int) {
    self.capacity = capacity
    self.depth = depth
    buffer = FloatBuffer(count: Self.slivered(capacity) * depth)
  }

  public borrowing func fill(
    rows: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
  ) {
    let sliver = Int(kernels.pointee.sliver)
    let (depth, base) = (self.depth, buffer.base)
    parallel((rows + sliver - 1) / sliver) { index in
      let range = index * sliver..<min((index + 1) * sliver, rows)
      withScratch(sliver * depth) { scratch in
        let x = make(range, scratch)
        for block in depthBlocks(depth) {
          kernels.pointee.pack_a(
            x + block.lowerBound, depth, 1, range.count, block.count,
            base + block.lowerBound * Self.slivered(rows) + index * sliver * block.count)
        }
      }
    }
  }

  /// What a product reads, while this lives and is not filled anew.
  borrowing func slivers(of rows: Int) -> Slivers {
    Slivers(base: UnsafePointer(buffer.base), rows: Self.slivered(rows))
  }

  struct Slivers {
    let base: UnsafePointer<Float>
    let rows: Int

    /// Where the rows from `row` on, a multiple of the sliver, begin in a block of depth.
    func block(_ depth: Range<Int>, from row: Int) -> UnsafePointer<Float> {
      base + depth.lowerBound * rows + row * depth.count
    }
  }

  private static func slivered(_ rows: Int) -> Int {
    let sliver = Int(kernels.pointee.sliver)
    return (rows + sliver - 1) / sliver * sliver
  }
}
