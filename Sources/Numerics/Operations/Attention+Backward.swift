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

    func fit(_ span: KeySpan) -> Bool {
      guard case .rows(let rows, _) = span.memory else { return false }
      return keys.isSameShape(as: rows) && values.isSameShape(as: rows)
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
    precondition(
      dQueries.isSameShape(as: queries) && dSpans.count == segments.count
        && zip(dSpans, segments).allSatisfy { gradients, segment in
          gradients.count == segment.spans.count
            && zip(gradients, segment.spans).allSatisfy { $0.fit($1) }
        }, "queries and each span in rows have gradients of their shape")
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
        if let dropout { block.drop(dropout, ds) }
        block.turnIntoSlopes(ds, p)
        if let dropout { block.drop(dropout, p) }
        block.addGradients(
          gradients, dQueries: dQueries, dOut: dOut, queries: queries, probabilities: p, slopes: ds)
      }
    }
  }
}

/// Some rows of a segment under one query head, over keys that lie in rows.
private struct StridedBlock {
  private let attention: Attention
  private let visible: VisibleKeys
  /// Where the key-value head begins in a row of keys, and the query head in one of queries.
  private let keyOffset, queryOffset: Int
  private let query: Int

  init(
    _ attention: Attention, _ segment: AttentionSegment, rows: Range<Int>, head: Int, query: Int
  ) {
    self.attention = attention
    self.query = query
    visible = VisibleKeys(segment, rows: rows, attention.mask)
    keyOffset = head * attention.heads.size
    queryOffset = query * attention.heads.size
  }

  var columns: Int { visible.columns }
  private var size: Int { attention.heads.size }
  private var rows: Int { visible.rows.count }
  private var firstRow: Int { visible.firstRow }

  private func matrix(_ x: Rows, row: Int, offset: Int) -> StridedMatrix {
    StridedMatrix(x.row(row) + offset, rowStride: x.width)
  }

  /// Keys and values of a part's span.
  private func memory(_ part: VisibleKeys.Part) -> (keys: Rows, values: Rows) {
    guard case .rows(let keys, let values) = part.span.memory else {
      preconditionFailure("gradients are of keys in rows")
    }
    return (keys, values)
  }

  func clear(_ dQueries: Rows) {
    for row in 0..<rows {
      (dQueries.row(firstRow + row) + queryOffset).update(repeating: 0, count: size)
    }
  }

  /// Probabilities [rows, columns], as the forward pass had them.
  func fill(_ p: UnsafeMutablePointer<Float>, queries: Rows) {
    withScaledQueries(queries) { scaled in
      for part in visible.parts { scores(p + part.column, part, scaled) }
    }
    for row in 0..<rows { visible.softmax(p + row * columns, row: row) }
  }

  /// A part's scores, before the softmax.
  private func scores(
    _ out: UnsafeMutablePointer<Float>, _ part: VisibleKeys.Part, _ queries: StridedMatrix
  ) {
    let keys = matrix(memory(part).keys, row: part.range.lowerBound, offset: keyOffset)
    stridedProduct(
      out, outStride: columns, queries, keys.transposed, m: rows, k: size, n: part.range.count)
    part.turnIntoScores(out, rows: rows, stride: columns)
  }

  /// Calls `body` with the block's queries as they meet the keys, [rows, D].
  private func withScaledQueries(_ queries: Rows, _ body: (StridedMatrix) -> Void) {
    let scale = attention.heads.queryScale
    guard scale != 1 else { return body(matrix(queries, row: firstRow, offset: queryOffset)) }
    withScratch(rows * size) { scaled in
      for row in 0..<rows {
        let from = queries.row(firstRow + row) + queryOffset
        for d in 0..<size { scaled[row * size + d] = from[d] * scale }
      }
      body(StridedMatrix(scaled, rowStride: size))
    }
  }

  /// dp = do vᵀ
  func products(_ dp: UnsafeMutablePointer<Float>, dOut: Rows) {
    for part in visible.parts {
      let values = matrix(memory(part).values, row: part.range.lowerBound, offset: keyOffset)
      stridedProduct(
        dp + part.column, outStride: columns, matrix(dOut, row: firstRow, offset: queryOffset),
        values.transposed, m: rows, k: size, n: part.range.count)
    }
  }

  func drop(_ dropout: Dropout, _ x: UnsafeMutablePointer<Float>) {
    for row in 0..<rows {
      visible.drop(
        dropout, x + row * columns, row: (firstRow + row) * attention.heads.count + query)
    }
  }

  /// dp becomes ds = p (dp - Σ p dp), by the scale of the scores' own.
  func turnIntoSlopes(_ dp: UnsafeMutablePointer<Float>, _ p: UnsafePointer<Float>) {
    for row in 0..<rows {
      let d = dp + row * columns
      let p = p + row * columns
      let mean = dot(columns, p, d)
      for part in visible.parts {
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
    withScaledQueries(queries) { query in
      for (place, part) in visible.parts.enumerated() {
        passCap(ds + part.column, part, query)
        let (to, row, count) = (gradients[part.index], part.range.lowerBound, part.range.count)
        let seen = StridedMatrix(p + part.column, rowStride: columns)
        let slope = StridedMatrix(ds + part.column, rowStride: columns)
        stridedProduct(
          to.values.row(row) + keyOffset, outStride: to.values.width, seen.transposed, gradient,
          m: count, k: rows, n: size, accumulate: true)
        stridedProduct(
          dQueries.row(firstRow) + queryOffset, outStride: dQueries.width, slope,
          matrix(memory(part).keys, row: row, offset: keyOffset), m: rows, k: count, n: size,
          accumulate: place > 0)
        stridedProduct(
          to.keys.row(row) + keyOffset, outStride: to.keys.width, slope.transposed, query,
          m: count, k: rows, n: size, accumulate: true)
      }
    }
    let scale = attention.heads.queryScale
    guard scale != 1 else { return }
    for row in 0..<rows {
      let dq = dQueries.row(firstRow + row) + queryOffset
      for d in 0..<size { dq[d] *= scale }
    }
  }

  /// Through cap · tanh(s / cap): the slope is 1 - tanh².
  private func passCap(
    _ ds: UnsafeMutablePointer<Float>, _ part: VisibleKeys.Part, _ queries: StridedMatrix
  ) {
    guard let cap = part.span.softCap else { return }
    withScratch(rows * columns) { s in
      scores(s, part, queries)
      for row in 0..<rows {
        for j in 0..<part.range.count {
          let t = s[row * columns + j] / cap
          ds[row * columns + j] *= 1 - t * t
        }
      }
    }
  }
}
