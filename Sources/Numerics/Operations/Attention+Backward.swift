import CKernels

// With p the probabilities and m the dropout mask over them:
//   dv_j += Σ_i (p m)_ij do_i,  dp = (do vᵀ) m,  ds = p (dp - Σ_j p dp),  dq = ds k,  dk += dsᵀ q,
// where ds passes the soft cap and the scale on its way. Scores are computed again, block by block, rather
// than [H, Q, K] of them kept.

extension Attention {
  /// Gradients of one segment's keys and values, in the form of its spans: rows [count, G D] each.
  public struct KeyGradients {
    public let keys: Rows
    public let values: Rows

    public init(keys: Rows, values: Rows) {
      self.keys = keys
      self.values = values
    }
  }

  /// Writes the gradients of the segments' queries, keys and values.
  ///
  /// - Parameters:
  ///   - dQueries: rows of the queries' form.
  ///   - dSpans: for each segment and each of its spans, where its gradients go.
  /// - Precondition: keys and values of all spans lie in rows.
  public func backward(
    dQueries: Rows, dSpans: [[KeyGradients]], dOut: Rows, queries: Rows,
    segments: [AttentionSegment], dropout: Dropout? = nil
  ) {
    check(dOut, queries, segments)
    precondition(dQueries.isSameShape(as: queries), "gradients have their values' shape")
    precondition(
      dSpans.count == segments.count
        && zip(dSpans, segments).allSatisfy { gradients, segment in
          gradients.count == segment.spans.count
            && zip(gradients, segment.spans).allSatisfy { gradient, span in
              guard case .rows(let keys, _) = span.memory else { return false }
              return gradient.keys.isSameShape(as: keys) && gradient.values.isSameShape(as: keys)
            }
        }, "each span in rows has its gradients")
    parallel(segments.count * heads.keyValueCount) { task in
      let index = task / heads.keyValueCount
      let segment = segments[index]
      let scores = min(Self.blockRows, segment.rows.count) * segment.keyCount
      withScratch(2 * scores + 1) { scratch in
        backward(
          segment, dSpans[index], head: task % heads.keyValueCount, dQueries: dQueries, dOut: dOut,
          queries: queries, dropout: dropout, probabilities: scratch, slopes: scratch + scores)
      }
    }
  }

  /// One key-value head of a segment.
  private func backward(
    _ segment: AttentionSegment, _ gradients: [KeyGradients], head: Int, dQueries: Rows, dOut: Rows,
    queries: Rows, dropout: Dropout?, probabilities p: UnsafeMutablePointer<Float>,
    slopes ds: UnsafeMutablePointer<Float>
  ) {
    let offset = head * heads.size
    for gradient in gradients {
      for key in 0..<gradient.keys.count {
        (gradient.keys.row(key) + offset).update(repeating: 0, count: heads.size)
        (gradient.values.row(key) + offset).update(repeating: 0, count: heads.size)
      }
    }
    for member in 0..<heads.group {
      let query = head * heads.group + member
      for first in stride(from: 0, to: segment.rows.count, by: Self.blockRows) {
        let block = StridedBlock(
          self, segment, rows: first..<min(first + Self.blockRows, segment.rows.count), head: head,
          query: query)
        guard block.columns > 0 else {
          block.clear(dQueries)
          continue
        }
        block.fill(p, queries: queries)
        block.products(ds, dOut: dOut)
        block.drop(dropout, ds)
        block.turnIntoSlopes(ds, p)
        block.drop(dropout, p)
        block.addGradients(
          gradients, dQueries: dQueries, dOut: dOut, queries: queries, probabilities: p, slopes: ds)
      }
    }
  }
}

/// Some rows of a segment under one query head, over keys that lie in rows.
private struct StridedBlock {
  /// A span's keys that any row of the block sees.
  struct Part {
    let index: Int
    let span: KeySpan
    let keys: Rows
    let values: Rows
    let start: Int
    let range: Range<Int>
    /// Where its scores begin in a row.
    let column: Int
  }

  let attention: Attention
  let segment: AttentionSegment
  let rows: Range<Int>
  /// Where the key-value head begins in a row of keys, and the query head in one of queries.
  let keyOffset: Int
  let queryOffset: Int
  let query: Int
  let parts: [Part]
  let columns: Int

  init(
    _ attention: Attention, _ segment: AttentionSegment, rows: Range<Int>, head: Int, query: Int
  ) {
    self.attention = attention
    self.segment = segment
    self.rows = rows
    self.query = query
    keyOffset = head * attention.heads.size
    queryOffset = query * attention.heads.size
    var parts: [Part] = []
    var (column, start) = (0, 0)
    for (index, span) in segment.spans.enumerated() {
      defer { start += span.count }
      guard case .rows(let keys, let values) = span.memory else { continue }
      let from = segment.firstPosition + rows.lowerBound
      let first = span.visible(from: from, start: start, attention.mask)
      let last = span.visible(
        from: segment.firstPosition + rows.upperBound - 1, start: start, attention.mask)
      guard last.upperBound > first.lowerBound else { continue }
      let range = first.lowerBound..<last.upperBound
      parts.append(
        Part(
          index: index, span: span, keys: keys, values: values, start: start, range: range,
          column: column))
      column += range.count
    }
    self.parts = parts
    columns = column
  }

  private var size: Int { attention.heads.size }
  private var firstRow: Int { segment.rows.lowerBound + rows.lowerBound }

  private func matrix(_ x: Rows, row: Int, offset: Int) -> StridedMatrix {
    StridedMatrix(x.row(row) + offset, rowStride: x.width)
  }

  func clear(_ dQueries: Rows) {
    for row in 0..<rows.count {
      (dQueries.row(firstRow + row) + queryOffset).update(repeating: 0, count: size)
    }
  }

  /// Probabilities [rows, columns], as the forward pass had them.
  func fill(_ p: UnsafeMutablePointer<Float>, queries: Rows) {
    for part in parts {
      scores(p + part.column, part, queries)
    }
    for row in 0..<rows.count { normalize(p + row * columns, row: row) }
  }

  /// A part's scores, before the softmax.
  private func scores(_ out: UnsafeMutablePointer<Float>, _ part: Part, _ queries: Rows) {
    let scale = attention.heads.queryScale
    withScratch(rows.count * size) { scaled in
      for row in 0..<rows.count {
        let from = queries.row(firstRow + row) + queryOffset
        for d in 0..<size { scaled[row * size + d] = from[d] * scale }
      }
      stridedProduct(
        out, outStride: columns, StridedMatrix(scaled, rowStride: size),
        matrix(part.keys, row: part.range.lowerBound, offset: keyOffset).transposed,
        m: rows.count, k: size, n: part.range.count)
    }
    for row in 0..<rows.count {
      let s = out + row * columns
      if part.span.scale != 1 { for j in 0..<part.range.count { s[j] *= part.span.scale } }
      if let cap = part.span.softCap {
        for j in 0..<part.range.count { s[j] /= cap }
        tanh(part.range.count, s, s)
        for j in 0..<part.range.count { s[j] *= cap }
      }
    }
  }

  /// The columns of a part that a row sees.
  private func seen(_ part: Part, row: Int) -> Range<Int> {
    let visible = part.span.visible(
      from: segment.firstPosition + rows.lowerBound + row, start: part.start, attention.mask)
    let shift = part.column - part.range.lowerBound
    return visible.lowerBound + shift..<visible.upperBound + shift
  }

  private func normalize(_ p: UnsafeMutablePointer<Float>, row: Int) {
    let runs = parts.map { seen($0, row: row) }.filter { !$0.isEmpty }
    let count = runs.reduce(0) { $0 + $1.count }
    withScratch(count) { gathered in
      var place = 0
      for run in runs {
        (gathered + place).update(from: p + run.lowerBound, count: run.count)
        place += run.count
      }
      softmax(count, gathered)
      p.update(repeating: 0, count: columns)
      place = 0
      for run in runs {
        (p + run.lowerBound).update(from: gathered + place, count: run.count)
        place += run.count
      }
    }
  }

  /// dp = do vᵀ
  func products(_ dp: UnsafeMutablePointer<Float>, dOut: Rows) {
    for part in parts {
      stridedProduct(
        dp + part.column, outStride: columns, matrix(dOut, row: firstRow, offset: queryOffset),
        matrix(part.values, row: part.range.lowerBound, offset: keyOffset).transposed,
        m: rows.count, k: size, n: part.range.count)
    }
  }

  func drop(_ dropout: Dropout?, _ x: UnsafeMutablePointer<Float>) {
    guard let dropout else { return }
    for row in 0..<rows.count {
      for part in parts {
        dropout.apply(
          x + row * columns + part.column,
          row: (firstRow + row) * attention.heads.count + query,
          columns: part.start + part.range.lowerBound..<part.start + part.range.upperBound)
      }
    }
  }

  /// dp becomes ds = p (dp - Σ p dp), by the scale of the scores' own.
  func turnIntoSlopes(_ dp: UnsafeMutablePointer<Float>, _ p: UnsafePointer<Float>) {
    for row in 0..<rows.count {
      let d = dp + row * columns
      let p = p + row * columns
      let mean = dot(columns, p, d)
      for part in parts {
        for j in part.column..<part.column + part.range.count {
          d[j] = p[j] * (d[j] - mean) * part.span.scale
        }
      }
    }
  }

  func addGradients(
    _ gradients: [Attention.KeyGradients], dQueries: Rows, dOut: Rows, queries: Rows,
    probabilities p: UnsafePointer<Float>, slopes ds: UnsafeMutablePointer<Float>
  ) {
    let gradient = matrix(dOut, row: firstRow, offset: queryOffset)
    let query = matrix(queries, row: firstRow, offset: queryOffset)
    for part in parts where part.span.softCap != nil { passCap(ds + part.column, part, queries) }
    for (place, part) in parts.enumerated() {
      let to = gradients[part.index]
      let row = part.range.lowerBound
      let seen = StridedMatrix(p + part.column, rowStride: columns)
      let slope = StridedMatrix(ds + part.column, rowStride: columns)
      stridedProduct(
        to.values.row(row) + keyOffset, outStride: to.values.width, seen.transposed, gradient,
        m: part.range.count, k: rows.count, n: size, accumulate: true)
      stridedProduct(
        dQueries.row(firstRow) + queryOffset, outStride: dQueries.width, slope,
        matrix(part.keys, row: row, offset: keyOffset), m: rows.count, k: part.range.count, n: size,
        accumulate: place > 0)
      if attention.heads.queryScale == 1 {
        stridedProduct(
          to.keys.row(row) + keyOffset, outStride: to.keys.width, slope.transposed, query,
          m: part.range.count, k: rows.count, n: size, accumulate: true)
      } else {
        addScaledKeys(to.keys, part, slope.transposed, queries)
      }
    }
    guard attention.heads.queryScale != 1 else { return }
    for row in 0..<rows.count {
      let dq = dQueries.row(firstRow + row) + queryOffset
      for d in 0..<size { dq[d] *= attention.heads.queryScale }
    }
  }

  /// dk += dsᵀ (s q)
  private func addScaledKeys(_ dKeys: Rows, _ part: Part, _ slope: StridedMatrix, _ queries: Rows) {
    withScratch(rows.count * size) { scaled in
      for row in 0..<rows.count {
        let from = queries.row(firstRow + row) + queryOffset
        for d in 0..<size { scaled[row * size + d] = from[d] * attention.heads.queryScale }
      }
      stridedProduct(
        dKeys.row(part.range.lowerBound) + keyOffset, outStride: dKeys.width, slope,
        StridedMatrix(scaled, rowStride: size), m: part.range.count, k: rows.count, n: size,
        accumulate: true)
    }
  }

  /// Through cap · tanh(s / cap): the slope is 1 - tanh².
  private func passCap(_ ds: UnsafeMutablePointer<Float>, _ part: Part, _ queries: Rows) {
    guard let cap = part.span.softCap else { return }
    withScratch(rows.count * columns) { s in
      scores(s, part, queries)
      for row in 0..<rows.count {
        for j in 0..<part.range.count {
          let t = s[row * columns + j] / cap
          ds[row * columns + j] *= 1 - t * t
        }
      }
    }
  }
}
