import Numerics

/// The documents of a pass: which rows of the batch are whose, and what came before them. Rows lie back to
/// back without padding, and no document's result depends on the others.
public final class Sequences {
  /// Rows that continue one document.
  public struct Part {
    /// Rows of the batch.
    public let rows: Range<Int>
    /// Keys and values of the positions before, which other documents may read too.
    public let earlier: [StoredKeys]
    /// Where the rows' keys and values go, behind those that it holds; nil where they are the pass's own.
    public let own: StoredKeys?

    public init(rows: Range<Int>, earlier: [StoredKeys] = [], own: StoredKeys? = nil) {
      self.rows = rows
      self.earlier = earlier
      self.own = own
    }

    /// The position of the first row.
    public var start: Int { earlier.reduce(own?.count ?? 0) { $0 + $1.count } }
  }

  /// Rows of all parts.
  public let count: Int
  public let parts: [Part]
  private var angles: [AnglesKey: Angles] = [:]

  private struct AnglesKey: Hashable {
    let rotary: RotaryDescription
    let headSize: Int
  }

  private final class Angles {
    let angles: RotaryAngles
    init(_ angles: consuming RotaryAngles) { self.angles = angles }
  }

  /// - Precondition: the parts' rows cover the batch back to back.
  public init(_ parts: [Part]) {
    self.parts = parts
    var next = 0
    for part in parts {
      precondition(part.rows.lowerBound == next, "parts must lie back to back")
      next = part.rows.upperBound
    }
    count = next
  }

  /// Whole documents of some lengths, each with its keys in the pass alone.
  public convenience init(lengths: [Int]) {
    var next = 0
    self.init(
      lengths.map { length in
        defer { next += length }
        return Part(rows: next..<next + length)
      })
  }

  /// Every row's position in its document.
  public var positions: [Int] { parts.flatMap { $0.start..<$0.start + $0.rows.count } }

  /// Calls `body` with the rows' angles, which all layers of a pass share.
  public func withAngles(
    _ rotary: RotaryDescription, headSize: Int, _ body: (borrowing RotaryAngles) -> Void
  ) {
    let key = AnglesKey(rotary: rotary, headSize: headSize)
    if let known = angles[key] { return body(known.angles) }
    let new = Angles(
      RotaryAngles(
        positions: positions, frequencies: rotary.frequencies(headSize: headSize),
        magnitude: rotary.scaling.magnitude))
    angles[key] = new
    body(new.angles)
  }

  /// What each part's queries see in one layer. Rows' own keys are in their memory, or else in `keys` and
  /// `values`, rows of the batch.
  public func segments(
    layer: Int, keys: Rows?, values: Rows?, _ attention: AttentionDescription
  ) -> [AttentionSegment] {
    parts.map { part in
      var spans = part.earlier.map { stored in
        KeySpan(
          panels: stored.memory.panels, layer: stored.memory.layer(layer), count: stored.count,
          scale: attention.scoreScale, window: attention.window, softCap: attention.softCap)
      }
      if let own = part.own {
        spans.append(
          KeySpan(
            panels: own.memory.panels, layer: own.memory.layer(layer),
            count: own.count + part.rows.count, scale: attention.scoreScale,
            window: attention.window, softCap: attention.softCap))
      } else if let keys, let values {
        spans.append(
          KeySpan(
            keys: keys[part.rows], values: values[part.rows], scale: attention.scoreScale,
            window: attention.window, softCap: attention.softCap))
      }
      return AttentionSegment(rows: part.rows, firstPosition: part.start, spans: spans)
    }
  }

  /// Puts keys and values, which begin at those columns of their rows, into the parts' memories.
  public func store(
    keys: Rows, keyColumn: Int = 0, values: Rows, valueColumn: Int = 0, layer: Int
  ) {
    guard parts.contains(where: { $0.own != nil }) else { return }
    precondition(keys.count >= count && values.count >= count, "a key and a value for each row")
    parallelRanges(count, grain: 32) { range in
      var place = part(of: range.lowerBound)
      while place < parts.count, parts[place].rows.lowerBound < range.upperBound {
        let part = parts[place]
        place += 1
        guard let own = part.own else { continue }
        let rows = part.rows.clamped(to: range)
        own.memory.panels.store(
          keys: keys[rows], keyColumn: keyColumn, values: values[rows], valueColumn: valueColumn,
          at: own.count + rows.lowerBound - part.rows.lowerBound, in: own.memory.layer(layer))
      }
    }
  }

  /// The number of the part that a row is of.
  private func part(of row: Int) -> Int {
    var (first, end) = (0, parts.count)
    while end - first > 1 {
      let middle = (first + end) / 2
      if parts[middle].rows.lowerBound <= row { first = middle } else { end = middle }
    }
    return first
  }
}
