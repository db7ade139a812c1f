import CKernels

/// How one layer's keys and values of one document lie in memory.
///
/// For each of `headCount` heads, first the keys, then the values, both in panels that the matrix
/// product's inner loop reads as they are:
///
///     keys    [capacity / 16][headSize][16]     a panel is 16 positions, side by side
///     values  [headSize / 16][capacity][16]     a panel is 16 channels, zero past the last
///
/// `capacity` is rounded up to 16 positions, the last panel of values to 16 channels.
public struct KeyValuePanels: Sendable, Equatable {
  public let headCount: Int
  public let headSize: Int
  public let capacity: Int

  static let width = Int(DENJU_PANEL)

  public init(headCount: Int, headSize: Int, capacity: Int) {
    self.headCount = headCount
    self.headSize = headSize
    self.capacity = Self.roundedUp(capacity)
  }

  /// Floats that a layer takes.
  public var floatCount: Int { headCount * headFloatCount }

  var valueWidth: Int { Self.roundedUp(headSize) }
  var keyPanelStride: Int { headSize * Self.width }
  var valuePanelStride: Int { capacity * Self.width }
  private var headFloatCount: Int { capacity * (headSize + valueWidth) }

  static func roundedUp(_ count: Int) -> Int { (count + width - 1) / width * width }

  func keys(_ layer: UnsafeMutablePointer<Float>, head: Int) -> UnsafeMutablePointer<Float> {
    layer + head * headFloatCount
  }

  func values(_ layer: UnsafeMutablePointer<Float>, head: Int) -> UnsafeMutablePointer<Float> {
    layer + head * headFloatCount + capacity * headSize
  }

  /// Puts one position's key and value, [headSize] each, in their places.
  func store(
    key: UnsafePointer<Float>, value: UnsafePointer<Float>, head: Int, position: Int,
    in layer: UnsafeMutablePointer<Float>
  ) {
    let width = Self.width
    let column = keys(layer, head: head) + position / width * keyPanelStride + position % width
    for d in 0..<headSize { column[d * width] = key[d] }
    let row = values(layer, head: head) + position * width
    for d in stride(from: 0, to: headSize, by: width) {
      (row + d * capacity).update(from: value + d, count: min(width, headSize - d))
    }
  }

  /// Stops the program unless rows hold keys and values of all heads from those columns on, and there is
  /// room for their positions.
  public func check(
    keys: Rows, keyColumn: Int, values: Rows, valueColumn: Int, positions: Range<Int>
  ) {
    precondition(
      positions.lowerBound >= 0 && positions.upperBound <= capacity
        && keyColumn + headCount * headSize <= keys.width
        && valueColumn + headCount * headSize <= values.width,
      "positions \(positions) in panels for \(capacity)")
  }

  /// Puts one position's keys and values, those of all heads back to back, in their places. Unchecked.
  public func store(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, position: Int,
    in layer: UnsafeMutablePointer<Float>
  ) {
    for head in 0..<headCount {
      store(
        key: keys + head * headSize, value: values + head * headSize, head: head,
        position: position, in: layer)
    }
  }
}
