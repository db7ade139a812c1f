import Numerics
import Testing

@Suite struct AttentionGradientTests {
  static var cases: [AttentionCase] {
    let cases = AttentionCase.cases(isLong: false)
    // Dropped probabilities, of one span and of two.
    return cases
      + [cases[1], cases[6]].map { test in
        AttentionCase(
          testDescription: "\(test.testDescription), dropout", heads: test.heads, mask: test.mask,
          segments: test.segments, dropout: Dropout(rate: 0.4, seed: 1, step: 2, site: 3))
      }
  }

  @Test(arguments: cases) func gradients(_ test: AttentionCase) {
    let (width, keyWidth) = (test.heads.width, test.heads.keyValueWidth)
    let q = random(test.queryCount * width, seed: 1)
    let k = random(test.keyCount * keyWidth, seed: 2)
    let v = random(test.keyCount * keyWidth, seed: 3)
    let c = random(q.count, seed: 4)
    let out = FloatBuffer(count: q.count)
    let dq = random(q.count, seed: 5)
    let segments = test.rowSegments(
      keys: Rows(k, width: keyWidth), values: Rows(v, width: keyWidth))
    // Spans of different segments may read the same keys: each has gradients of its own, which add up.
    let spans = test.segments.flatMap(\.spans)
    let spread = random(2 * spans.reduce(0) { $0 + $1.rows.count } * keyWidth, seed: 6)
    var next = spread.base
    func gradient(_ span: AttentionCase.Span) -> Rows {
      defer { next += span.rows.count * keyWidth }
      return Rows(next, count: span.rows.count, width: keyWidth)
    }
    let gradients = test.segments.map { segment in
      segment.spans.map { Attention.KeyGradients(keys: gradient($0), values: gradient($0)) }
    }
    test.attention.backward(
      dQueries: Rows(dq, width: width), dSpans: gradients, dOut: Rows(c, width: width),
      queries: Rows(q, width: width), segments: segments, dropout: test.dropout)
    let dk = FloatBuffer(count: k.count)
    let dv = FloatBuffer(count: v.count)
    for (span, gradient) in zip(spans, gradients.joined()) {
      Rows(dk, width: keyWidth)[span.rows].add(gradient.keys)
      Rows(dv, width: keyWidth)[span.rows].add(gradient.values)
    }
    func loss() -> Double {
      test.attention.forward(
        Rows(out, width: width), queries: Rows(q, width: width), segments: segments,
        dropout: test.dropout)
      return weighted(c, out)
    }
    checkGradient("dq", q, dq.array(), loss: loss)
    checkGradient("dk", k, dk.array(), loss: loss)
    checkGradient("dv", v, dv.array(), loss: loss)
  }

  /// More rows than a block has, on any number of threads.
  @Test(arguments: AttentionCase.cases(isLong: true))
  func threadsDoNotChangeBits(_ test: AttentionCase) {
    let (width, keyWidth) = (test.heads.width, test.heads.keyValueWidth)
    let q = random(test.queryCount * width, seed: 1)
    let k = random(test.keyCount * keyWidth, seed: 2)
    let v = random(test.keyCount * keyWidth, seed: 3)
    let c = random(q.count, seed: 4)
    let segments = test.rowSegments(
      keys: Rows(k, width: keyWidth), values: Rows(v, width: keyWidth))
    func run() -> [[Float]] {
      let dq = FloatBuffer(count: q.count)
      let count = test.segments.flatMap(\.spans).reduce(0) { $0 + $1.rows.count } * keyWidth
      let dk = FloatBuffer(count: count)
      let dv = FloatBuffer(count: count)
      var first = 0
      let gradients = test.segments.map { segment in
        segment.spans.map { span in
          defer { first += span.rows.count }
          let rows = first..<first + span.rows.count
          return Attention.KeyGradients(
            keys: Rows(dk, width: keyWidth)[rows], values: Rows(dv, width: keyWidth)[rows])
        }
      }
      test.attention.backward(
        dQueries: Rows(dq, width: width), dSpans: gradients, dOut: Rows(c, width: width),
        queries: Rows(q, width: width), segments: segments)
      return [dq.array(), dk.array(), dv.array()]
    }
    #expect(ThreadTeam.shared.limited(to: 1) { run() } == run())
  }
}
