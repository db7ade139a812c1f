/// Rows of float32 values, back to back, in memory that somebody else owns.
///
/// What every operation takes and gives. An operation checks once that its rows fit together, in release
/// builds too, so that a wrong shape ends the program instead of writing over memory.
public struct Rows {
  /// The first value of the first row.
  public let base: UnsafeMutablePointer<Float>
  /// How many rows there are.
  public let count: Int
  /// Values a row.
  public let width: Int

  public init(_ base: UnsafeMutablePointer<Float>, count: Int, width: Int) {
    precondition(count >= 0 && width >= 0, "rows have no negative sizes")
    self.base = base
    self.count = count
    self.width = width
  }

  /// Rows of memory that is only read: no operation may be given them to write to.
  public init(reading base: UnsafePointer<Float>, count: Int, width: Int) {
    self.init(UnsafeMutablePointer(mutating: base), count: count, width: width)
  }

  /// All of a buffer, which outlives the rows.
  public init(_ buffer: borrowing FloatBuffer, width: Int) {
    precondition(
      width > 0 && buffer.count % width == 0, "a buffer of \(buffer.count) in rows of \(width)")
    self.init(buffer.base, count: buffer.count / width, width: width)
  }

  public var elementCount: Int { count * width }

  /// Where a row begins. Unchecked: for inner loops over 0 ..< count.
  @inline(__always)
  public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * width }

  /// Some of the rows.
  public subscript(range: Range<Int>) -> Rows {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
    return Rows(base + range.lowerBound * width, count: range.count, width: width)
  }

  /// The values of one row after the other, checked to be as many as rows of another width take.
  public func reshaped(width: Int) -> Rows {
    precondition(width > 0 && elementCount % width == 0, "\(count) x \(self.width) as \(width)")
    return Rows(base, count: elementCount / width, width: width)
  }

  public func isSameShape(as other: Rows) -> Bool { count == other.count && width == other.width }

  /// Sets every value.
  public func fill(_ value: Float) { base.update(repeating: value, count: elementCount) }

  /// Copies rows of the same shape.
  public func update(from other: Rows) {
    precondition(isSameShape(as: other), "rows of other shapes can't be copied")
    base.update(from: other.base, count: elementCount)
  }

  /// self *= factor, element by element.
  public func scale(by factor: Float) {
    guard factor != 1 else { return }
    let base = base
    parallelRanges(elementCount, grain: 8192) { range in
      for i in range { base[i] *= factor }
    }
  }

  /// self += x, element by element.
  public func add(_ x: Rows) {
    precondition(isSameShape(as: x), "rows of other shapes can't be added")
    let base = base
    parallelRanges(elementCount, grain: 8192) { range in
      axpy(range.count, 1, x.base + range.lowerBound, base + range.lowerBound)
    }
  }
}
