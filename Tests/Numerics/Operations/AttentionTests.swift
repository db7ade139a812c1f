import Numerics
import Testing

/// Attention against sums in float64 that are written from the definition.
@Suite struct AttentionTests {
  private struct Operands: ~Copyable {
    let queries, keys, values: FloatBuffer

    init(_ test: AttentionCase) {
      queries = random(test.queryCount * test.heads.width, seed: 1)
      keys = random(test.keyCount * test.heads.keyValueWidth, seed: 2)
      values = random(test.keyCount * test.heads.keyValueWidth, seed: 3)
      for i in 0..<queries.count { queries[i] *= 2 }
    }

    borrowing func segments(_ test: AttentionCase) -> [AttentionSegment] {
      let width = test.heads.keyValueWidth
      return test.rowSegments(keys: Rows(keys, width: width), values: Rows(values, width: width))
    }

    borrowing func run(_ test: AttentionCase, _ segments: [AttentionSegment]) -> [Float] {
      let out = random(queries.count, seed: 9)
      let width = test.heads.width
      test.attention.forward(
        Rows(out, width: width), queries: Rows(queries, width: width), segments: segments,
        dropout: test.dropout)
      return out.array()
    }
  }

  @Test(arguments: AttentionCase.cases(isLong: true))
  func agreesWithTheDefinition(_ test: AttentionCase) {
    let operands = Operands(test)
    let out = operands.run(test, operands.segments(test))
    let truth = test.output(
      queries: operands.queries.array(), keys: operands.keys.array(),
      values: operands.values.array())
    #expect(out.count == truth.count)
    // Means of values below 1; scores of order five, rounded to float32, decide the weights.
    for (ours, expected) in zip(out, truth) { #expect(abs(Double(ours) - expected) < 5e-6) }
  }

  @Test(arguments: AttentionCase.cases(isLong: true))
  func probabilitiesAgreeWithTheDefinition(_ test: AttentionCase) {
    let operands = Operands(test)
    let segments = operands.segments(test)
    let queries = Rows(operands.queries, width: test.heads.width)
    for (segment, described) in zip(segments, test.segments) {
      for head in 0..<test.heads.count {
        let found = test.attention.probabilities(queries: queries, segment: segment, head: head)
        let truth = test.probabilities(
          described, head: head, queries: operands.queries.array(), keys: operands.keys.array())
        #expect(found.count == truth.count * (truth.first?.count ?? 0))
        for (ours, expected) in zip(found, truth.joined()) {
          #expect(abs(Double(ours) - expected) < 2e-6)
          // What is not seen has no weight at all.
          if expected == 0 { #expect(ours == 0) }
        }
      }
    }
  }

  /// Keys and values in panels give the bits that rows give, and one query the bits of its row in the whole.
  @Test(arguments: AttentionCase.cases(isLong: true))
  func storedKeysGiveTheSameBits(_ test: AttentionCase) {
    let operands = Operands(test)
    let whole = operands.run(test, operands.segments(test))
    let (width, keyWidth) = (test.heads.width, test.heads.keyValueWidth)
    let panels = KeyValuePanels(
      headCount: test.heads.keyValueCount, headSize: test.heads.size, capacity: test.keyCount)
    let spans = test.segments.flatMap(\.spans)
    let memory = FloatBuffer(count: spans.count * panels.floatCount)
    let (keys, values) = (
      Rows(operands.keys, width: keyWidth), Rows(operands.values, width: keyWidth)
    )
    var next = 0
    let stored = test.segments.map { segment in
      AttentionSegment(
        rows: segment.rows, firstPosition: segment.firstPosition,
        spans: segment.spans.map { span in
          let layer = memory.base + next * panels.floatCount
          next += 1
          panels.store(keys: keys[span.rows], values: values[span.rows], at: 0, in: layer)
          return KeySpan(
            panels: panels, layer: layer, count: span.rows.count, scale: span.scale,
            window: span.window, softCap: span.softCap)
        })
    }
    #expect(operands.run(test, stored) == whole)
    #expect(ThreadTeam.shared.limited(to: 1) { operands.run(test, stored) } == whole)

    let one = FloatBuffer(count: whole.count)
    for segment in stored {
      for row in segment.rows {
        test.attention.forward(
          Rows(one.base + row * width, count: 1, width: width),
          queries: Rows(operands.queries.base + row * width, count: 1, width: width),
          segments: [
            AttentionSegment(
              rows: 0..<1, firstPosition: segment.firstPosition + row - segment.rows.lowerBound,
              spans: segment.spans)
          ])
      }
    }
    #expect(one.array() == whole)
  }

  /// Queries may lie in one row with other things behind them.
  @Test func queriesMayLieInLongerRows() {
    let test = AttentionCase.cases(isLong: true)[3]
    let operands = Operands(test)
    let expected = operands.run(test, operands.segments(test))
    let (width, longer) = (test.heads.width, test.heads.width + 7)
    let queries = random(test.queryCount * longer, seed: 8)
    for row in 0..<test.queryCount {
      (queries.base + row * longer).update(from: operands.queries.base + row * width, count: width)
    }
    let out = FloatBuffer(count: test.queryCount * width)
    test.attention.forward(
      Rows(out, width: width), queries: Rows(queries, width: longer),
      segments: operands.segments(test))
    #expect(out.array() == expected)
  }

  /// A segment of which nothing is seen reads zeros.
  @Test func withoutKeysNothingIsRead() {
    let heads = AttentionHeads(count: 2, size: 3)
    let queries = random(4 * 6, seed: 1)
    let out = random(4 * 6, seed: 2)
    let empty = Rows(queries, width: 6)[0..<0]
    Attention(heads, mask: .all).forward(
      Rows(out, width: 6), queries: Rows(queries, width: 6),
      segments: [AttentionSegment(rows: 0..<4, spans: [KeySpan(keys: empty, values: empty)])])
    #expect(out.array().allSatisfy { $0 == 0 })
  }
}
