import CKernels

/// The left operand of products with `Int8Matrix`: rows [m, depth] as signed codes of 8 bits, 32
/// neighbours of a row with one scale, rounded once for all of them.
public struct Int8Rows: ~Copyable, ProductRows {
  public let depth: Int
  private let groups: Int
  private let codes: PlainBuffer<Int8>
  private let scales: FloatBuffer
  private let sums: PlainBuffer<Int32>
  /// [m, groups]: scale · sum of codes, what a weight's minimum is multiplied by.
  let totals: PackedRows

  public init(capacity: Int, depth: Int) {
    self.depth = depth
    groups = GroupedCodes.groups(depth)
    codes = PlainBuffer(count: capacity * groups * GroupedCodes.groupSize)
    scales = FloatBuffer(count: capacity * groups)
    sums = PlainBuffer(count: capacity * groups)
    totals = PackedRows(capacity: capacity, depth: groups)
  }

  public borrowing func fill(
    rows: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
  ) {
    let (depth, groups) = (self.depth, self.groups)
    let (codes, scales, sums) = (codes.base, scales.base, sums.base)
    totals.fill(rows: rows) { range, totals in
      withScratch(range.count * depth) { scratch in
        let first = range.lowerBound * groups
        int8Kernels.pointee.quantize(
          range.count, depth, make(range, scratch), codes + first * GroupedCodes.groupSize,
          scales + first, sums + first)
        for index in 0..<range.count * groups {
          totals[index] = scales[first + index] * Float(sums[first + index])
        }
      }
      return UnsafePointer(totals)
    }
  }

  /// What a product reads, while this lives and is not filled anew.
  borrowing func coded() -> Coded {
    Coded(groups: groups, codes: codes.base, scales: scales.base, sums: sums.base)
  }

  struct Coded {
    let groups: Int
    /// [m, groups, 32]
    let codes: UnsafePointer<Int8>
    /// [m, groups]
    let scales: UnsafePointer<Float>
    let sums: UnsafePointer<Int32>
  }
}
