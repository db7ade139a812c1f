import CKernels

/// Some rows of a segment, and the keys that any of them sees. Their scores are rows of columns: those keys,
/// span by span.
struct VisibleKeys {
  /// A span's keys that a row of the block sees.
  struct Part {
    /// The span's number in its segment.
    let index: Int
    let span: KeySpan
    /// The segment's number of the span's first key.
    let start: Int
    /// Keys of the span.
    let range: Range<Int>
    /// Where its scores begin in a row.
    let column: Int

    /// Products of queries and keys become scores; `scores` begins at the part's column.
    func turnIntoScores(_ scores: UnsafeMutablePointer<Float>, rows: Int, stride: Int) {
      guard span.scale != 1 || span.softCap != nil else { return }
      for row in 0..<rows {
        let s = scores + row * stride
        if span.scale != 1 { for j in 0..<range.count { s[j] *= span.scale } }
        if let cap = span.softCap {
          for j in 0..<range.count { s[j] /= cap }
          tanh(range.count, s, s)
          for j in 0..<range.count { s[j] *= cap }
        }
      }
    }
  }

  let segment: AttentionSegment
  /// Rows of the segment.
  let rows: Range<Int>
  /// Of each span of which anything is seen, in order.
  let parts: [Part]
  /// Keys of all parts: the columns that are read.
  let keyCount: Int
  /// Columns that may be written: the last part's run on to a multiple of the alignment.
  let columns: Int
  private let mask: AttentionMask

  /// - Parameter alignment: at multiples of what a part begins in its span.
  init(
    _ segment: AttentionSegment, rows: Range<Int>, _ mask: AttentionMask, alignment: Int = 1
  ) {
    self.segment = segment
    self.rows = rows
    self.mask = mask
    var parts: [Part] = []
    var (column, start) = (0, 0)
    let position = segment.firstPosition + rows.lowerBound
    for (index, span) in segment.spans.enumerated() {
      defer { start += span.count }
      let first = span.visible(from: position, start: start, mask)
      let last = span.visible(from: position + rows.count - 1, start: start, mask)
      guard last.upperBound > first.lowerBound else { continue }
      let from = first.lowerBound / alignment * alignment
      parts.append(
        Part(
          index: index, span: span, start: start, range: from..<last.upperBound, column: column))
      column += last.upperBound - from
    }
    self.parts = parts
    keyCount = column
    columns =
      parts.last.map {
        $0.column + ($0.range.count + alignment - 1) / alignment * alignment
      } ?? 0
  }

  /// The batch's row of the first.
  var firstRow: Int { segment.rows.lowerBound + rows.lowerBound }

  /// A row's scores become probabilities; those of keys that it does not see become 0.
  func softmax(_ scores: UnsafeMutablePointer<Float>, row: Int) {
    var (first, end) = (0, 0)
    var isOneRun = true
    for part in parts {
      let run = columns(of: part, row: row)
      guard !run.isEmpty else { continue }
      if end == 0 { first = run.lowerBound } else if run.lowerBound != end { isOneRun = false }
      end = run.upperBound
    }
    guard isOneRun else { return normalizeRuns(scores, row: row) }
    turnIntoProbabilities(end - first, scores + first)
    scores.update(repeating: 0, count: first)
    (scores + end).update(repeating: 0, count: keyCount - end)
  }

  /// The columns of a part that a row sees.
  private func columns(of part: Part, row: Int) -> Range<Int> {
    let seen = part.span.visible(
      from: segment.firstPosition + rows.lowerBound + row, start: part.start, mask)
    let shift = part.column - part.range.lowerBound
    return seen.lowerBound + shift..<seen.upperBound + shift
  }

  /// The same where windows leave gaps: one softmax over all that is seen, brought together.
  private func normalizeRuns(_ scores: UnsafeMutablePointer<Float>, row: Int) {
    let runs = parts.map { columns(of: $0, row: row) }.filter { !$0.isEmpty }
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

  /// Drops some of one row's columns; `row` is its number among all rows and heads of the batch.
  func drop(_ dropout: Dropout, _ x: UnsafeMutablePointer<Float>, row: Int) {
    for part in parts {
      dropout.apply(
        x + part.column, row: row,
        columns: part.start + part.range.lowerBound..<part.start + part.range.upperBound)
    }
  }
}

/// The softmax of the module: inside the type the name means its own.
private func turnIntoProbabilities(_ count: Int, _ x: UnsafeMutablePointer<Float>) {
  softmax(count, x)
}
