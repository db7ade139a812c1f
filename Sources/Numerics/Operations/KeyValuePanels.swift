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

  /// Puts rows' keys and values, which begin at those columns and are those of all heads back to back, in
  /// the places of the positions from `position` on.
  public func store(
    keys: Rows, keyColumn: Int = 0, values: Rows, valueColumn: Int = 0, at position: Int,
    in layer: UnsafeMutablePointer<Float>
  ) {
    let width = headCount * headSize
    precondition(
      position >= 0 && keys.count <= capacity - position && values.count == keys.count
        && 0 <= keyColumn && keyColumn + width <= keys.width
        && 0 <= valueColumn && valueColumn + width <= values.width,
      "\(keys.count) positions from \(position) on in panels for \(capacity)")
    for row in 0..<keys.count {
      for head in 0..<headCount {
        store(
          key: keys.row(row) + keyColumn + head * headSize,
          value: values.row(row) + valueColumn + head * headSize, head: head,
          position: position + row, in: layer)
      }
    }
  }

  /// Copies a layer's first positions to another layer of this form.
  public func copy(
    positions: Int, from layer: UnsafeMutablePointer<Float>, to other: UnsafeMutablePointer<Float>
  ) {
    precondition(0...capacity ~= positions, "\(positions) positions of \(capacity)")
    let count = Self.roundedUp(positions)
    for head in 0..<headCount {
      keys(other, head: head).update(from: keys(layer, head: head), count: count * headSize)
      let (from, to) = (values(layer, head: head), values(other, head: head))
      for panel in stride(
        from: 0, to: valueWidth / Self.width * valuePanelStride, by: valuePanelStride)
      {
        (to + panel).update(from: from + panel, count: count * Self.width)
      }
    }
  }

  /// Puts one position's key and value, [headSize] each, in their places.
  private func store(
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
}
