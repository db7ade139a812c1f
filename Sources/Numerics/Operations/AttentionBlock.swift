import CKernels

/// One key-value head's keys and values of a span, in panels that the matrix product's inner loop reads.
struct PackedKeys {
  let span: KeySpan
  /// The segment's number of the span's first key.
  let start: Int
  /// A panel is 16 positions side by side, [D][16].
  let keys: UnsafePointer<Float>
  let keyStride: Int
  /// A panel is 16 channels, [positions][16].
  let values: UnsafePointer<Float>
  let valueStride: Int
}

extension Attention {
  /// Calls `body` with the segment's keys and values of one head, packing those that lie in rows.
  func withPackedKeys(
    _ segment: AttentionSegment, head: Int, _ body: ([PackedKeys]) -> Void
  ) {
    let (depth, panel) = (heads.size, KeyValuePanels.width)
    let channels = KeyValuePanels.roundedUp(depth)
    let room = segment.spans.reduce(0) { room, span in
      guard case .rows = span.memory else { return room }
      return room + KeyValuePanels.roundedUp(span.count) * (depth + channels)
    }
    withScratch(room) { scratch in
      var next = scratch
      var start = 0
      let packed = segment.spans.map { span in
        defer { start += span.count }
        switch span.memory {
        case .panels(let panels, let layer):
          return PackedKeys(
            span: span, start: start, keys: panels.keys(layer, head: head),
            keyStride: panels.keyPanelStride, values: panels.values(layer, head: head),
            valueStride: panels.valuePanelStride)
        case .rows(let keys, let values):
          let capacity = KeyValuePanels.roundedUp(span.count)
          let (packedKeys, packedValues) = (next, next + capacity * depth)
          next += capacity * (depth + channels)
          kernels.pointee.pack_b(
            keys.base + head * depth, 1, keys.width, depth, span.count, packedKeys, depth * panel)
          kernels.pointee.pack_b(
            values.base + head * depth, values.width, 1, span.count, depth, packedValues,
            capacity * panel)
          return PackedKeys(
            span: span, start: start, keys: packedKeys, keyStride: depth * panel,
            values: packedValues, valueStride: capacity * panel)
        }
      }
      body(packed)
    }
  }

  /// Some rows of a segment, and the keys that any of them sees.
  struct Block {
    let segment: AttentionSegment
    let rows: Range<Int>
    let head: Int
    let mask: AttentionMask
    /// Of each span of which anything is seen, in order.
    let parts: [Part]
    /// Keys of all parts: the columns that are read.
    let keyCount: Int
    /// Columns that are written: the last part's run on to the end of its last panel.
    let columns: Int

    /// A span's keys that a row of the block sees, from the beginning of a panel on.
    struct Part {
      let span: KeySpan
      let start: Int
      let range: Range<Int>
      /// Where its scores begin in a row.
      let column: Int
      let keys: UnsafePointer<Float>
      let keyStride: Int
      let values: UnsafePointer<Float>
      let valueStride: Int

      /// The next part's columns lie over those that are too many.
      var roundedCount: Int { KeyValuePanels.roundedUp(range.count) }

      /// Products of queries and keys, [rows, stride], become scores.
      func turnIntoScores(_ scores: UnsafeMutablePointer<Float>, rows: Int, stride: Int) {
        guard span.scale != 1 || span.softCap != nil else { return }
        for row in 0..<rows {
          let s = scores + row * stride + column
          if span.scale != 1 { for j in 0..<range.count { s[j] *= span.scale } }
          if let cap = span.softCap {
            for j in 0..<range.count { s[j] /= cap }
            tanh(range.count, s, s)
            for j in 0..<range.count { s[j] *= cap }
          }
        }
      }
    }

    init(
      segment: AttentionSegment, rows: Range<Int>, head: Int, keys: [PackedKeys],
      mask: AttentionMask
    ) {
      self.segment = segment
      self.rows = rows
      self.head = head
      self.mask = mask
      var parts: [Part] = []
      var column = 0
      for key in keys {
        let first = segment.firstPosition + rows.lowerBound
        let seen = key.span.visible(from: first, start: key.start, mask)
        let last = key.span.visible(
          from: segment.firstPosition + rows.upperBound - 1, start: key.start, mask)
        guard last.upperBound > seen.lowerBound else { continue }
        let panel = KeyValuePanels.width
        let from = seen.lowerBound / panel * panel
        parts.append(
          Part(
            span: key.span, start: key.start, range: from..<last.upperBound, column: column,
            keys: key.keys + from / panel * key.keyStride, keyStride: key.keyStride,
            values: key.values + from * panel, valueStride: key.valueStride))
        column += last.upperBound - from
      }
      self.parts = parts
      keyCount = column
      columns = parts.last.map { $0.column + $0.roundedCount } ?? 0
    }

    /// A row's scores become probabilities; those of keys that it does not see become 0.
    func softmax(_ scores: UnsafeMutablePointer<Float>, row: Int) {
      let position = segment.firstPosition + rows.lowerBound + row
      var (first, end) = (0, 0)
      var isOneRun = true
      for part in parts {
        let run = columns(of: part, from: position)
        guard !run.isEmpty else { continue }
        if end == 0 { first = run.lowerBound } else if run.lowerBound != end { isOneRun = false }
        end = run.upperBound
      }
      guard isOneRun else { return normalizeRuns(scores, position: position) }
      turnIntoProbabilities(end - first, scores + first)
      scores.update(repeating: 0, count: first)
      (scores + end).update(repeating: 0, count: keyCount - end)
    }

    /// The columns of a part that are seen from a position.
    private func columns(of part: Part, from position: Int) -> Range<Int> {
      let seen = part.span.visible(from: position, start: part.start, mask)
      let shift = part.column - part.range.lowerBound
      return seen.lowerBound + shift..<seen.upperBound + shift
    }

    /// The same where windows leave gaps: one softmax over all that is seen, brought together.
    private func normalizeRuns(_ scores: UnsafeMutablePointer<Float>, position: Int) {
      let runs = parts.map { columns(of: $0, from: position) }.filter { !$0.isEmpty }
      withScratch(runs.reduce(0) { $0 + $1.count }) { gathered in
        var count = 0
        for run in runs {
          (gathered + count).update(from: scores + run.lowerBound, count: run.count)
          count += run.count
        }
        turnIntoProbabilities(count, gathered)
        scores.update(repeating: 0, count: keyCount)
        count = 0
        for run in runs {
          (scores + run.lowerBound).update(from: gathered + count, count: run.count)
          count += run.count
        }
      }
    }
  }
}

/// The softmax of the module: inside the block the name means its own.
private func turnIntoProbabilities(_ count: Int, _ x: UnsafeMutablePointer<Float>) {
  softmax(count, x)
}
