// Multi-head attention: o_i = Σ_j softmax_j(s q_i·k_j) v_j for every head (Vaswani et al., 2017)
//
// Shapes: H heads of size D, width C = H D; queries [Q, C], keys and values [K, C], out [Q, C].
// Backward, with p the probabilities and m the dropout mask over them:
//   dv_j += Σ_i (p m)_ij do_i,  dp = (do vᵀ) m,  ds = p (dp - Σ_j p dp) s,  dq = ds k,  dk += dsᵀ q.
// It computes the scores again, block by block, rather than keep [H, Q, K] of them.
//
// A query's row depends on its own visible keys alone, in their order: masked keys have
// probability 0 and add 0 exactly. So one query against cached keys gives the full pass's bits.

/// How a width is cut into heads.
public struct OldAttentionHeads: Sendable, Equatable {
  public let count: Int
  public let size: Int
  /// What scores are multiplied by: 1/√size as in the paper, 1 in GPT-Neo.
  public let scale: Float

  public init(count: Int, size: Int, scale: Float) {
    self.count = count
    self.size = size
    self.scale = scale
  }

  public var width: Int { count * size }
}

/// Which keys a query sees.
public enum OldAttentionMask: Sendable, Equatable {
  /// All of them.
  case all

  /// Key j from position i iff j <= i.
  case causal

  /// Key j from position i iff 0 <= i - j < window.
  case window(Int)

  func visible(from position: Int, keyCount: Int) -> Range<Int> {
    switch self {
    case .all: return 0..<keyCount
    case .causal: return 0..<min(max(position + 1, 0), keyCount)
    case .window(let size):
      let end = min(max(position + 1, 0), keyCount)
      return min(max(position + 1 - size, 0), end)..<end
    }
  }
}

/// One sequence of a batch: its queries and its keys are rows of the batch's buffers.
public struct OldAttentionSegment: Sendable, Equatable {
  public var firstQuery: Int
  public var queryCount: Int
  public var firstKey: Int
  public var keyCount: Int
  /// The position of the first query among the keys: above 0 when earlier keys are cached.
  public var firstPosition: Int

  public init(
    firstQuery: Int, queryCount: Int, firstKey: Int, keyCount: Int, firstPosition: Int = 0
  ) {
    self.firstQuery = firstQuery
    self.queryCount = queryCount
    self.firstKey = firstKey
    self.keyCount = keyCount
    self.firstPosition = firstPosition
  }
}

/// Multi-head attention over packed sequences; all buffers are dense rows of `heads.width`.
public struct MultiHeadAttention: Sendable {
  public let heads: OldAttentionHeads
  public let mask: OldAttentionMask

  public init(heads: OldAttentionHeads, mask: OldAttentionMask) {
    self.heads = heads
    self.mask = mask
  }

  /// Queries that are worked on at once: bounds the scores in memory to this many rows.
  private static let blockRows = 64

  public func forward(
    _ out: UnsafeMutablePointer<Float>, queries: UnsafePointer<Float>,
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, segments: [OldAttentionSegment],
    dropout: Dropout? = nil
  ) {
    let width = heads.width
    forEachHead(segments) { segment, head, scratch, _ in
      let keyBase = segment.firstKey * width + head * heads.size
      for block in blocks(of: segment) {
        let p = probabilities(
          scratch, segment: segment, block: block, head: head, queries: queries, keys: keys)
        applyDropout(dropout, scratch, block: block, keyRange: p, segment: segment, head: head)
        stridedProduct(
          out + (segment.firstQuery + block.lowerBound) * width + head * heads.size,
          outStride: width, StridedMatrix(scratch, rowStride: p.count),
          StridedMatrix(values + keyBase + p.lowerBound * width, rowStride: width),
          m: block.count, k: p.count, n: heads.size)
      }
    }
  }

  /// Writes the gradients of the segments' queries, keys and values.
  public func backward(
    dQueries: UnsafeMutablePointer<Float>, dKeys: UnsafeMutablePointer<Float>,
    dValues: UnsafeMutablePointer<Float>, dOut: UnsafePointer<Float>,
    queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    segments: [OldAttentionSegment], dropout: Dropout? = nil
  ) {
    let width = heads.width
    let size = heads.size
    forEachHead(segments) { segment, head, scratch, dScores in
      let keyBase = segment.firstKey * width + head * size
      for key in 0..<segment.keyCount {
        (dKeys + keyBase + key * width).update(repeating: 0, count: size)
        (dValues + keyBase + key * width).update(repeating: 0, count: size)
      }
      for block in blocks(of: segment) {
        let p = probabilities(
          scratch, segment: segment, block: block, head: head, queries: queries, keys: keys)
        let rows = (segment.firstQuery + block.lowerBound) * width + head * size
        let columns = keyBase + p.lowerBound * width
        let gradient = StridedMatrix(dOut + rows, rowStride: width)
        let value = StridedMatrix(values + columns, rowStride: width)
        stridedProduct(
          dScores, outStride: p.count, gradient, value.transposed, m: block.count, k: size,
          n: p.count)
        applyDropout(dropout, dScores, block: block, keyRange: p, segment: segment, head: head)
        softmaxBackward(dScores, scratch, rows: block.count, columns: p.count)
        applyDropout(dropout, scratch, block: block, keyRange: p, segment: segment, head: head)
        let seen = StridedMatrix(scratch, rowStride: p.count).transposed
        stridedProduct(
          dValues + columns, outStride: width, seen, gradient, m: p.count, k: block.count, n: size,
          accumulate: true)
        let slope = StridedMatrix(dScores, rowStride: p.count)
        stridedProduct(
          dQueries + rows, outStride: width, slope,
          StridedMatrix(keys + columns, rowStride: width), m: block.count, k: p.count, n: size)
        stridedProduct(
          dKeys + columns, outStride: width, slope.transposed,
          StridedMatrix(queries + rows, rowStride: width), m: p.count, k: block.count, n: size,
          accumulate: true)
      }
    }
  }

  /// One task a head of a segment, with memory for two blocks of scores.
  private func forEachHead(
    _ segments: [OldAttentionSegment],
    _ body: (OldAttentionSegment, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) ->
      Void
  ) {
    parallel(segments.count * heads.count) { task in
      let segment = segments[task / heads.count]
      let scores = min(Self.blockRows, segment.queryCount) * segment.keyCount
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * scores + 1) { memory in
        guard let base = memory.baseAddress else { return }
        body(segment, task % heads.count, base, base + scores)
      }
    }
  }

  private func blocks(of segment: OldAttentionSegment) -> some Sequence<Range<Int>> {
    stride(from: 0, to: segment.queryCount, by: Self.blockRows).lazy.map {
      $0..<min($0 + Self.blockRows, segment.queryCount)
    }
  }

  /// Fills `out` with a block's probabilities, [block.count, range.count], where the range is of the
  /// keys that any query of the block sees; keys masked from a query have 0.
  private func probabilities(
    _ out: UnsafeMutablePointer<Float>, segment: OldAttentionSegment, block: Range<Int>, head: Int,
    queries: UnsafePointer<Float>, keys: UnsafePointer<Float>
  ) -> Range<Int> {
    func visible(_ query: Int) -> Range<Int> {
      mask.visible(from: segment.firstPosition + query, keyCount: segment.keyCount)
    }
    let (width, offset) = (heads.width, head * heads.size)
    let first = visible(block.lowerBound)
    let last = visible(block.upperBound - 1)
    let range = first.lowerBound..<last.upperBound
    let query = queries + (segment.firstQuery + block.lowerBound) * width + offset
    let key = keys + (segment.firstKey + range.lowerBound) * width + offset
    stridedProduct(
      out, outStride: range.count, StridedMatrix(query, rowStride: width),
      StridedMatrix(key, rowStride: width).transposed, m: block.count, k: heads.size,
      n: range.count)
    for (place, row) in block.enumerated() {
      let seen = visible(row)
      let scores = out + place * range.count
      let before = seen.lowerBound - range.lowerBound
      let after = range.upperBound - seen.upperBound
      if heads.scale != 1 { for j in 0..<range.count { scores[j] *= heads.scale } }
      softmax(seen.count, scores + before)
      scores.update(repeating: 0, count: before)
      (scores + range.count - after).update(repeating: 0, count: after)
    }
    return range
  }

  /// dScores holds dp and becomes ds = p (dp - Σ p dp) · scale, row by row.
  private func softmaxBackward(
    _ dScores: UnsafeMutablePointer<Float>, _ p: UnsafePointer<Float>, rows: Int, columns: Int
  ) {
    for row in 0..<rows {
      let d = dScores + row * columns
      let p = p + row * columns
      let mean = dot(columns, p, d)
      for j in 0..<columns { d[j] = p[j] * (d[j] - mean) * heads.scale }
    }
  }

  private func applyDropout(
    _ dropout: Dropout?, _ x: UnsafeMutablePointer<Float>, block: Range<Int>,
    keyRange: Range<Int>, segment: OldAttentionSegment, head: Int
  ) {
    guard let dropout else { return }
    for (place, row) in block.enumerated() {
      dropout.apply(
        x + place * keyRange.count, row: (segment.firstQuery + row) * heads.count + head,
        columns: keyRange)
    }
  }
}
