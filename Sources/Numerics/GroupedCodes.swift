import CKernels

/// A weight [rows, columns] as small unsigned codes, 32 neighbours of a row with one scale:
///
///     w[r, c] = scale[r, g] · (code[r, c] - zero) + minimum[r, g],  g = c / 32
///
/// It is what ggml's block formats say, so weights that are stored so are not rounded again.
public struct GroupedCodes {
  /// Columns that share a scale.
  public static let groupSize = Int(DENJU_GROUP)

  public let rows: Int
  public let columns: Int
  /// 4 or 8: what a code fits in.
  public let bits: Int
  /// The code that stands for nothing.
  public let zero: Int32
  /// [rows, groups · 32]; those past the last column are `zero`.
  public let codes: [UInt8]
  /// [rows, groups]
  public let scales: [Float]
  /// [rows, groups]; none where all are zero.
  public let minimums: [Float]?

  /// - Precondition: the sizes agree.
  public init(
    rows: Int, columns: Int, bits: Int, zero: Int32, codes: [UInt8], scales: [Float],
    minimums: [Float]?
  ) {
    let groups = Self.groups(columns)
    precondition(
      codes.count == rows * groups * Self.groupSize && scales.count == rows * groups
        && minimums?.count ?? scales.count == scales.count, "sizes of codes and scales must agree")
    self.rows = rows
    self.columns = columns
    self.bits = bits
    self.zero = zero
    self.codes = codes
    self.scales = scales
    self.minimums = minimums
  }

  /// Rounds a weight in float32, [rows, columns], to 8 bits: the largest of a group becomes ±127.
  public init(rounding weight: UnsafePointer<Float>, rows: Int, columns: Int) {
    let groups = Self.groups(columns)
    let count = rows * groups
    let int8 = PlainBuffer<Int8>(count: count * Self.groupSize)
    let sums = PlainBuffer<Int32>(count: count)
    var scales = [Float](repeating: 0, count: count)
    scales.withUnsafeMutableBufferPointer { scales in
      guard let scales = scales.baseAddress else { return }
      let (codes, sums) = (int8.base, sums.base)
      parallelRanges(rows, grain: 1 + 65536 / max(columns, 1)) { range in
        let first = range.lowerBound * groups
        int8Kernels.pointee.quantize(
          range.count, columns, 1, weight + range.lowerBound * columns,
          codes + first * Self.groupSize, scales + first, sums + first)
      }
    }
    let codes = [UInt8](unsafeUninitializedCapacity: int8.count) { codes, initialized in
      for index in 0..<int8.count {
        codes.initializeElement(at: index, to: UInt8(bitPattern: int8.base[index]) &+ 128)
      }
      initialized = int8.count
    }
    self.init(
      rows: rows, columns: columns, bits: 8, zero: 128, codes: codes, scales: scales,
      minimums: nil)
  }

  /// Signed codes [rows, columns] with one scale a row.
  public init(codes: [Int8], scales: [Float], columns: Int) {
    let groups = Self.groups(columns)
    var padded = [UInt8](repeating: 128, count: scales.count * groups * Self.groupSize)
    for row in scales.indices {
      for column in 0..<columns {
        padded[row * groups * Self.groupSize + column] =
          UInt8(bitPattern: codes[row * columns + column]) &+ 128
      }
    }
    self.init(
      rows: scales.count, columns: columns, bits: 8, zero: 128, codes: padded,
      scales: scales.flatMap { [Float](repeating: $0, count: groups) }, minimums: nil)
  }

  /// Some of the rows, followed by rows of zeros to make `count`.
  func rows(_ range: Range<Int>, filledUpTo count: Int) -> GroupedCodes {
    let groups = Self.groups(columns)
    let missing = (count - range.count) * groups
    let live = range.lowerBound * groups..<range.upperBound * groups
    let bytes = live.lowerBound * Self.groupSize..<live.upperBound * Self.groupSize
    return GroupedCodes(
      rows: count, columns: columns, bits: bits, zero: zero,
      codes: codes[bytes] + [UInt8](repeating: UInt8(zero), count: missing * Self.groupSize),
      scales: scales[live] + [Float](repeating: 0, count: missing),
      minimums: minimums.map { $0[live] + [Float](repeating: 0, count: missing) })
  }

  /// Some of the rows, in the order given.
  public func rows(_ chosen: [Int]) -> GroupedCodes {
    let groups = Self.groups(columns)
    func gather<Element>(_ values: [Element], _ width: Int) -> [Element] {
      chosen.flatMap { values[$0 * width..<($0 + 1) * width] }
    }
    return GroupedCodes(
      rows: chosen.count, columns: columns, bits: bits, zero: zero,
      codes: gather(codes, groups * Self.groupSize), scales: gather(scales, groups),
      minimums: minimums.map { gather($0, groups) })
  }

  /// Groups of a row.
  static func groups(_ columns: Int) -> Int { (columns + groupSize - 1) / groupSize }

  /// The minimum that makes up for taking codes as they are, with a zero of 0.
  func minimumWithoutZero(_ index: Int) -> Float {
    (minimums?[index] ?? 0) - Float(zero) * scales[index]
  }
}

/// The inner loops in use. A table of functions that never changes after the first read.
package nonisolated(unsafe) let int8Kernels: UnsafePointer<denju_int8_kernels> =
  denju_int8_kernels_for(denju_detect_level())
