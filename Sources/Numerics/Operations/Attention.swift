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

  /// out [rows, H D] from queries [rows, H D or more]. A query that sees no key reads zeros.
  ///
  /// - Parameter dropout: drops probabilities, at row · H + head and the key's number in its segment.
  public func forward(
    _ out: Rows, queries: Rows, segments: [AttentionSegment], dropout: Dropout? = nil
  ) {
    check(out, queries, segments)
    let tasks = tasks(segments)
    parallel(tasks.count) { index in
      let task = tasks[index]
      let segment = segments[task.segment]
      withPackedKeys(segment, head: task.head) { keys in
        let step = max(1, Self.blockRows / heads.group)
        for first in stride(from: task.rows.lowerBound, to: task.rows.upperBound, by: step) {
          let block = VisibleKeys(
            segment, rows: first..<min(first + step, task.rows.upperBound), mask,
            alignment: KeyValuePanels.width)
          attend(out, queries, keys, block, head: task.head, dropout)
        }
      }
    }
  }

  private func tasks(_ segments: [AttentionSegment]) -> [Task] {
    // Two slivers of rows keep the inner loop full, and tasks short.
    let short = max(1, 2 * Int(kernels.pointee.sliver) / heads.group)
    var tasks: [Task] = []
    for (index, segment) in segments.enumerated() {
      let size = segment.isStored ? short : max(segment.rows.count, 1)
      for first in stride(from: 0, to: segment.rows.count, by: size) {
        for head in 0..<heads.keyValueCount {
          tasks.append(
            Task(
              segment: index, head: head, rows: first..<min(first + size, segment.rows.count)))
        }
      }
    }
    return tasks
  }

  func check(_ out: Rows, _ queries: Rows, _ segments: [AttentionSegment]) {
    precondition(
      out.width == heads.width && queries.width >= heads.width && out.count == queries.count
        && segments.allSatisfy { $0.fits(heads, rows: queries.count) },
      "queries, keys and outputs must be rows of the heads' widths, and segments' rows the batch's")
  }

  /// Rows of a block under one key-value head, into their places in `out`.
  private func attend(
    _ out: Rows, _ queries: Rows, _ keys: [PackedKeys], _ block: VisibleKeys, head: Int,
    _ dropout: Dropout?
  ) {
    let (group, depth) = (heads.group, heads.size)
    let width = KeyValuePanels.roundedUp(depth)
    let rows = block.rows.count * group
    let columns = block.columns
    let sliver = Int(kernels.pointee.sliver)
    let members = head * group..<(head + 1) * group

    withScratch(rows * (width + columns) + packedCount(rows, block)) { gathered in
      let scores = gathered + rows * width
      let packed = scores + rows * columns
      fill(
        scores, queries, keys, block, members: members, gathered: gathered, packed: packed)
      if let dropout {
        for r in 0..<rows {
          block.drop(
            dropout, scores + r * columns,
            row: (block.firstRow + r / group) * heads.count + members.lowerBound + r % group)
        }
      }
      kernels.pointee.pack_a(scores, columns, 1, rows, block.keyCount, packed)
      for first in stride(from: 0, to: rows, by: sliver) {
        let weights = packed + first * block.keyCount
        for (place, part) in block.parts.enumerated() {
          let key = keys[part.index]
          kernels.pointee.multiply_block(
            min(sliver, rows - first), width, part.range.count, weights + part.column * sliver,
            key.values(from: part.range.lowerBound), key.valueStride, gathered + first * width,
            width, place > 0 ? 1 : 0, nil)
        }
      }
      for r in 0..<rows {
        let to = out.row(block.firstRow + r / group) + (members.lowerBound + r % group) * depth
        if block.parts.isEmpty {
          to.update(repeating: 0, count: depth)
        } else {
          to.update(from: gathered + r * width, count: depth)
        }
      }
    }
  }

  /// Floats that left operands of a block take when they are packed: queries, then probabilities.
  private func packedCount(_ rows: Int, _ block: VisibleKeys) -> Int {
    let sliver = Int(kernels.pointee.sliver)
    return (rows + sliver - 1) / sliver * sliver * max(heads.size, block.keyCount)
  }

  /// Fills in a block's probabilities [rows · members, columns]: row r is query head r % members of the
  /// block's row r / members.
  private func fill(
    _ p: UnsafeMutablePointer<Float>, _ queries: Rows, _ keys: [PackedKeys], _ block: VisibleKeys,
    members: Range<Int>, gathered: UnsafeMutablePointer<Float>,
    packed: UnsafeMutablePointer<Float>
  ) {
    let (depth, columns) = (heads.size, block.columns)
    let rows = block.rows.count * members.count
    for r in 0..<rows {
      let query =
        queries.row(block.firstRow + r / members.count)
        + (members.lowerBound + r % members.count) * depth
      let to = gathered + r * depth
      for d in 0..<depth { to[d] = query[d] * heads.queryScale }
    }
    kernels.pointee.pack_a(gathered, depth, 1, rows, depth, packed)
    for part in block.parts {
      let key = keys[part.index]
      kernels.pointee.multiply_block(
        rows, KeyValuePanels.roundedUp(part.range.count), depth, packed,
        key.keys(from: part.range.lowerBound), key.keyStride, p + part.column, columns, 0, nil)
      part.turnIntoScores(p + part.column, rows: rows, stride: columns)
    }
    for r in 0..<rows { block.softmax(p + r * columns, row: r / members.count) }
  }

  /// What one query head of a segment reads of each key: [rows, keys of all spans], the bits that `forward`
  /// multiplies values by. Keys that a query does not see have 0.
  public func probabilities(
    queries: Rows, segment: AttentionSegment, head: Int
  ) -> [Float] {
    precondition(
      queries.width >= heads.width && 0 <= head && head < heads.count
        && segment.fits(heads, rows: queries.count),
      "head \(head) of \(heads.count), with queries and keys of the heads' widths")
    let count = segment.keyCount
    var result = [Float](repeating: 0, count: segment.rows.count * count)
    result.withUnsafeMutableBufferPointer { result in
      guard let out = result.baseAddress else { return }
      withPackedKeys(segment, head: head / heads.group) { keys in
        for first in stride(from: 0, to: segment.rows.count, by: Self.blockRows) {
          let block = VisibleKeys(
            segment, rows: first..<min(first + Self.blockRows, segment.rows.count), mask,
            alignment: KeyValuePanels.width)
          let (rows, columns) = (block.rows.count, block.columns)
          withScratch(rows * (heads.size + columns) + packedCount(rows, block)) { gathered in
            let p = gathered + rows * heads.size
            fill(
              p, queries, keys, block, members: head..<head + 1, gathered: gathered,
              packed: p + rows * columns)
            for row in 0..<rows {
              for part in block.parts {
                (out + (first + row) * count + part.start + part.range.lowerBound).update(
                  from: p + row * columns + part.column, count: part.range.count)
              }
            }
          }
        }
      }
    }
    return result
  }
}
