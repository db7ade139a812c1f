import CKernels

// Attention: o_i = Σ_j softmax_j(s q_i·k_j) v_j for every head (Vaswani et al., 2017), in which a group of
// query heads shares one head of keys and values (Ainslie et al., GQA, 2023).
//
// H query heads and G key-value heads of size D; query head h reads key-value head h / (H / G).
// Queries are the first H D values of their rows, so that they may lie in one row with keys and values.
//
// A query's row depends on the keys that it sees alone, in their order, and on nothing else: a score is
// one chain of fused multiply-adds over D, the softmax runs in 16 lanes from the first visible key on, an
// output is one chain over the keys. Keys that a query does not see have probability 0 and add 0 exactly.
// So one query against stored keys has the bits of its row in a pass over the whole.

/// How a width is cut into heads, and what queries are multiplied by before they meet the keys.
public struct AttentionHeads: Sendable, Equatable {
  /// H.
  public let count: Int
  /// G, which divides H.
  public let keyValueCount: Int
  /// D.
  public let size: Int
  /// 1/√D where the product is scaled before its sum, as the source's is; a span has a scale of its own.
  public let queryScale: Float

  public init(count: Int, keyValueCount: Int? = nil, size: Int, queryScale: Float = 1) {
    self.count = count
    self.keyValueCount = keyValueCount ?? count
    self.size = size
    self.queryScale = queryScale
    precondition(
      count > 0 && self.keyValueCount > 0 && count % self.keyValueCount == 0 && size > 0,
      "\(count) heads over \(self.keyValueCount) of \(size)")
  }

  /// H / G.
  public var group: Int { count / keyValueCount }
  /// Values of a row of queries, H D.
  public var width: Int { count * size }
  /// Values of a row of keys or of values, G D.
  public var keyValueWidth: Int { keyValueCount * size }
}

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
}

/// Attention over the segments of a batch.
public struct Attention: Sendable {
  public let heads: AttentionHeads
  public let mask: AttentionMask

  public init(_ heads: AttentionHeads, mask: AttentionMask) {
    self.heads = heads
    self.mask = mask
  }

  /// Queries that are worked on at once where keys and values have yet to be packed.
  static let blockRows = 64

  /// Some rows of a segment that attend together, for one key-value head.
  private struct Task {
    let segment: Int
    let head: Int
    let rows: Range<Int>
  }

  /// out [rows, H D] from queries [rows, H D or more].
  ///
  /// - Parameter dropout: drops probabilities, at row · H + head and the key's number in its segment.
  public func forward(
    _ out: Rows, queries: Rows, segments: [AttentionSegment], dropout: Dropout? = nil
  ) {
    check(out, queries, segments)
    // Two slivers of rows keep the inner loop full, and tasks short.
    let short = max(1, 2 * Int(kernels.pointee.sliver) / heads.group)
    var tasks: [Task] = []
    for (index, segment) in segments.enumerated() {
      let isStored = segment.spans.allSatisfy { if case .panels = $0.memory { true } else { false } }
      let size = isStored ? short : max(segment.rows.count, 1)
      for first in stride(from: 0, to: segment.rows.count, by: size) {
        for head in 0..<heads.keyValueCount {
          tasks.append(
            Task(
              segment: index, head: head, rows: first..<min(first + size, segment.rows.count)))
        }
      }
    }
    parallel(tasks.count) { index in
      let task = tasks[index]
      let segment = segments[task.segment]
      withPackedKeys(segment, head: task.head) { keys in
        let step = max(1, Self.blockRows / heads.group)
        for first in stride(from: task.rows.lowerBound, to: task.rows.upperBound, by: step) {
          let block = Block(
            segment: segment, rows: first..<min(first + step, task.rows.upperBound),
            head: task.head, keys: keys, mask: mask)
          attend(out, queries, block, dropout)
        }
      }
    }
  }

  func check(_ out: Rows, _ queries: Rows, _ segments: [AttentionSegment]) {
    precondition(
      out.width == heads.width && queries.width >= heads.width && out.count == queries.count,
      "queries and outputs must be rows of the heads' width")
    for segment in segments {
      precondition(
        segment.rows.lowerBound >= 0 && segment.rows.upperBound <= queries.count,
        "a segment's rows must be the batch's")
      for span in segment.spans {
        switch span.memory {
        case .rows(let keys, _): precondition(keys.width == heads.keyValueWidth, "a row a key")
        case .panels(let panels, _):
          precondition(
            panels.headCount == heads.keyValueCount && panels.headSize == heads.size,
            "panels of other heads")
        }
      }
    }
  }

  private func attend(_ out: Rows, _ queries: Rows, _ block: Block, _ dropout: Dropout?) {
    let (group, depth) = (heads.group, heads.size)
    let width = KeyValuePanels.roundedUp(depth)
    let rows = block.rows.count * group
    let columns = block.columns
    let sliver = Int(kernels.pointee.sliver)
    let slivered = (rows + sliver - 1) / sliver * sliver
    let firstRow = block.segment.rows.lowerBound + block.rows.lowerBound

    // Row r of the work below is head r % group of the block's row r / group.
    withScratch(rows * (width + columns) + slivered * max(depth, block.keyCount)) { gathered in
      let scores = gathered + rows * width
      let packed = scores + rows * columns
      for r in 0..<rows {
        let query =
          queries.row(firstRow + r / group) + (block.head * group + r % group) * depth
        let to = gathered + r * depth
        for d in 0..<depth { to[d] = query[d] * heads.queryScale }
      }
      kernels.pointee.pack_a(gathered, depth, 1, rows, depth, packed)
      for part in block.parts {
        kernels.pointee.multiply_block(
          rows, part.roundedCount, depth, packed, part.keys, part.keyStride, scores + part.column,
          columns, 0, nil)
        part.turnIntoScores(scores, rows: rows, stride: columns)
      }
      for r in 0..<rows {
        block.softmax(scores + r * columns, row: r / group)
        guard let dropout else { continue }
        for part in block.parts {
          dropout.apply(
            scores + r * columns + part.column,
            row: (firstRow + r / group) * heads.count + block.head * group + r % group,
            columns: part.start + part.range.lowerBound..<part.start + part.range.upperBound)
        }
      }
      kernels.pointee.pack_a(scores, columns, 1, rows, block.keyCount, packed)
      for first in stride(from: 0, to: rows, by: sliver) {
        let weights = packed + first * block.keyCount
        for (place, part) in block.parts.enumerated() {
          kernels.pointee.multiply_block(
            min(sliver, rows - first), width, part.range.count, weights + part.column * sliver,
            part.values, part.valueStride, gathered + first * width, width, place > 0 ? 1 : 0, nil)
        }
      }
      for r in 0..<rows {
        let to = out.row(firstRow + r / group) + (block.head * group + r % group) * depth
        if block.parts.isEmpty {
          to.update(repeating: 0, count: depth)
        } else {
          to.update(from: gathered + r * width, count: depth)
        }
      }
    }
  }
}
