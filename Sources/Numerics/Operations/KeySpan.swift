/// Which keys a query sees, of those within a span's window.
public enum AttentionMask: Sendable, Equatable {
  case all
  /// Keys up to the query's own position, counted over all spans of its segment.
  case causal
}

/// Keys and values of `count` consecutive positions, and how queries see them.
public struct KeySpan {
  /// Where they lie.
  enum Memory {
    /// [count, G D] each, as a training pass has them.
    case rows(keys: Rows, values: Rows)
    /// One layer's panels of a document under way.
    case panels(KeyValuePanels, UnsafeMutablePointer<Float>)
  }

  let memory: Memory
  public let count: Int
  /// What scores are multiplied by.
  public let scale: Float
  /// How many positions back a query sees, its own among them; nil: all.
  public let window: Int?
  /// Scores become cap · tanh(score / cap); nil: they stay.
  public let softCap: Float?

  private init(_ memory: Memory, count: Int, scale: Float, window: Int?, softCap: Float?) {
    self.memory = memory
    self.count = count
    self.scale = scale
    self.window = window
    self.softCap = softCap
  }

  public init(
    keys: Rows, values: Rows, scale: Float = 1, window: Int? = nil, softCap: Float? = nil
  ) {
    precondition(keys.isSameShape(as: values), "as many keys as values")
    self.init(
      .rows(keys: keys, values: values), count: keys.count, scale: scale, window: window,
      softCap: softCap)
  }

  /// - Parameter layer: the layer's panels, with at least `count` positions stored when they are read.
  public init(
    panels: KeyValuePanels, layer: UnsafeMutablePointer<Float>, count: Int, scale: Float = 1,
    window: Int? = nil, softCap: Float? = nil
  ) {
    precondition(count <= panels.capacity, "\(count) positions in panels for \(panels.capacity)")
    self.init(
      .panels(panels, layer), count: count, scale: scale, window: window, softCap: softCap)
  }

  func fits(_ heads: AttentionHeads) -> Bool {
    switch memory {
    case .rows(let keys, _): keys.width == heads.keyValueWidth
    case .panels(let panels, _):
      panels.headCount == heads.keyValueCount && panels.headSize == heads.size
    }
  }

  /// The positions of this span, the first of which is `start` of the segment, that a query sees.
  func visible(from position: Int, start: Int, _ mask: AttentionMask) -> Range<Int> {
    let end = mask == .all ? count : min(max(position + 1 - start, 0), count)
    let first = window.map { min(max(position + 1 - $0 - start, 0), end) } ?? 0
    return first..<end
  }
}

/// One document of a batch: which rows its queries are, and what they see.
public struct AttentionSegment {
  /// Rows of the batch's queries.
  public let rows: Range<Int>
  /// The position of the first query among the segment's keys: above 0 when earlier ones are stored.
  public let firstPosition: Int
  public let spans: [KeySpan]

  public init(rows: Range<Int>, firstPosition: Int = 0, spans: [KeySpan]) {
    self.rows = rows
    self.firstPosition = firstPosition
    self.spans = spans
  }

  var keyCount: Int { spans.reduce(0) { $0 + $1.count } }

  /// Whether all keys lie in panels.
  var isStored: Bool {
    spans.allSatisfy { if case .panels = $0.memory { true } else { false } }
  }

  /// Whether the rows are among a batch's, and all spans have keys of such heads.
  func fits(_ heads: AttentionHeads, rows count: Int) -> Bool {
    rows.lowerBound >= 0 && rows.upperBound <= count && spans.allSatisfy { $0.fits(heads) }
  }
}
