import CKernels

/// The left operand of products with `Int8Matrix`: rows [m, depth] as signed codes of 8 bits, 32
/// neighbours of a row with one scale, rounded once for all of them. In two terms a value has two
/// codes, which come to 15 bits; a product takes 1.7 times as long.
public struct Int8Rows: ~Copyable, ProductRows {
  public let depth: Int
  private let groups: Int
  private let terms: Int
  private let codes: PlainBuffer<Int8>
  private let scales: FloatBuffer
  private let sums: PlainBuffer<Int32>
  /// scale · sum of codes, what a weight's minimum is multiplied by.
  private let totals: FloatBuffer

  /// Rows of a task: what they are made of stays in the first-level caches.
  private static let grain = 8

  /// - Parameter terms: 1 or 2.
  public init(capacity: Int, depth: Int, terms: Int = 1) {
    self.depth = depth
    self.terms = terms
    groups = GroupedCodes.groups(depth)
    codes = PlainBuffer(count: capacity * groups * terms * GroupedCodes.groupSize)
    scales = FloatBuffer(count: capacity * groups)
    sums = PlainBuffer(count: capacity * groups)
    totals = FloatBuffer(count: capacity * groups)
  }

  public borrowing func fill(
    rows: Int, _ make: (Range<Int>, UnsafeMutablePointer<Float>) -> UnsafePointer<Float>
  ) {
    let (depth, groups, terms) = (self.depth, self.groups, self.terms)
    let (codes, scales, sums, totals) = (codes.base, scales.base, sums.base, totals.base)
    parallel((rows + Self.grain - 1) / Self.grain) { index in
      let range = index * Self.grain..<min((index + 1) * Self.grain, rows)
      withScratch(range.count * depth) { scratch in
        let first = range.lowerBound * groups
        int8Kernels.pointee.quantize(
          range.count, depth, Int32(terms), make(range, scratch),
          codes + first * terms * GroupedCodes.groupSize, scales + first, sums + first)
        for index in first..<first + range.count * groups {
          totals[index] = scales[index] * Float(sums[index])
        }
      }
    }
  }

  /// What a product reads, while this lives and is not filled anew.
  borrowing func coded() -> denju_int8_rows {
    denju_int8_rows(
      terms: Int32(terms), codes: codes.base, scales: scales.base, sums: sums.base,
      totals: totals.base)
  }
}
