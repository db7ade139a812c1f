import Foundation
import Numerics
import Testing

/// An attention and its operands, of which the tests ask the same as of a definition in float64.
struct AttentionCase: Sendable, CustomTestStringConvertible {
  struct Span: Sendable {
    /// Rows of the buffer of keys.
    let rows: Range<Int>
    var scale: Float = 1
    var window: Int?
    var softCap: Float?
  }

  struct Segment: Sendable {
    let rows: Range<Int>
    var firstPosition = 0
    let spans: [Span]
  }

  let testDescription: String
  let heads: AttentionHeads
  let mask: AttentionMask
  let segments: [Segment]
  var dropout: Dropout?

  var attention: Attention { Attention(heads, mask: mask) }
  var queryCount: Int { segments.map(\.rows.upperBound).max() ?? 0 }
  var keyCount: Int { segments.flatMap(\.spans).map(\.rows.upperBound).max() ?? 0 }

  func rowSegments(keys: Rows, values: Rows) -> [AttentionSegment] {
    segments.map { segment in
      AttentionSegment(
        rows: segment.rows, firstPosition: segment.firstPosition,
        spans: segment.spans.map { span in
          KeySpan(
            keys: keys[span.rows], values: values[span.rows], scale: span.scale,
            window: span.window, softCap: span.softCap)
        })
    }
  }

  /// Whether a query sees a key, both counted over all spans of their segment.
  private func sees(_ query: Int, _ key: Int, _ span: Span) -> Bool {
    (mask == .all || key <= query) && (span.window.map { query - key < $0 } ?? true)
  }

  /// softmax over the keys of all spans that are seen, [rows, keys] of one head, by the definition.
  func probabilities(
    _ segment: Segment, head: Int, queries: [Float], keys: [Float]
  ) -> [[Double]] {
    let shared = head / (heads.count / heads.keyValueCount)
    return segment.rows.map { row in
      let position = segment.firstPosition + row - segment.rows.lowerBound
      var weights: [Double] = []
      for span in segment.spans {
        for key in span.rows {
          guard sees(position, weights.count, span) else {
            weights.append(0)
            continue
          }
          var score = (0..<heads.size).reduce(0.0) {
            $0 + Double(queries[row * heads.width + head * heads.size + $1])
              * Double(keys[key * heads.keyValueWidth + shared * heads.size + $1])
          }
          score *= Double(heads.queryScale) * Double(span.scale)
          if let cap = span.softCap { score = Double(cap) * Foundation.tanh(score / Double(cap)) }
          weights.append(Foundation.exp(score))
        }
      }
      let total = weights.reduce(0, +)
      return total == 0 ? weights : weights.map { $0 / total }
    }
  }

  /// Σ p v of every row, [rows, H D], by the definition.
  func output(queries: [Float], keys: [Float], values: [Float]) -> [Double] {
    var out = [Double](repeating: 0, count: queryCount * heads.width)
    for segment in segments {
      let rows = segment.spans.flatMap { Array($0.rows) }
      for head in 0..<heads.count {
        let shared = head / (heads.count / heads.keyValueCount)
        let p = probabilities(segment, head: head, queries: queries, keys: keys)
        for (place, row) in segment.rows.enumerated() {
          for d in 0..<heads.size {
            out[row * heads.width + head * heads.size + d] = zip(p[place], rows).reduce(0.0) {
              $0 + $1.0
                * Double(values[$1.1 * heads.keyValueWidth + shared * heads.size + d])
            }
          }
        }
      }
    }
    return out
  }
}

extension AttentionCase {
  static let grouped = AttentionHeads(count: 6, keyValueCount: 2, size: 5, queryScale: 0.4)

  /// Of two documents each; more rows than a block has where `isLong`.
  static func cases(isLong: Bool) -> [AttentionCase] {
    let (first, second) = isLong ? (150, 75) : (4, 7)
    let own = [
      Segment(rows: 0..<first, spans: [Span(rows: 0..<first)]),
      Segment(rows: first..<first + second, spans: [Span(rows: first..<first + second)]),
    ]
    func each(_ change: (inout Span) -> Void) -> [Segment] {
      own.map { segment in
        var span = segment.spans[0]
        change(&span)
        return Segment(rows: segment.rows, spans: [span])
      }
    }
    // Queries of both read two spans, the second of which begins where the first ends.
    func two(_ one: Int?, _ other: Int?, position: Int) -> [Segment] {
      let middle = first / 3 + 1
      return [
        Segment(
          rows: 0..<second, firstPosition: position,
          spans: [
            Span(rows: 0..<middle, scale: 1.5, window: one),
            Span(rows: middle..<first, scale: 0.5, window: other, softCap: 0.7),
          ]),
        Segment(
          rows: second..<first + second, firstPosition: position + 1,
          spans: [
            Span(rows: middle..<first + second, scale: 0.8, window: other, softCap: 2),
            Span(rows: 0..<middle, scale: 1, window: one),
          ]),
      ]
    }
    let plain = AttentionHeads(count: 2, size: 5)
    let wide = AttentionHeads(count: 3, keyValueCount: 1, size: 18, queryScale: 0.2)
    return [
      AttentionCase(testDescription: "causal", heads: plain, mask: .causal, segments: own),
      AttentionCase(
        testDescription: "window", heads: plain, mask: .causal, segments: each { $0.window = 3 }),
      AttentionCase(
        testDescription: "all, scaled", heads: plain, mask: .all, segments: each { $0.scale = 0.3 }),
      AttentionCase(
        testDescription: "grouped, capped", heads: grouped, mask: .causal,
        segments: each { $0.softCap = 0.6 }),
      AttentionCase(testDescription: "wide heads", heads: wide, mask: .all, segments: own),
      AttentionCase(
        testDescription: "two spans", heads: grouped, mask: .all,
        segments: two(nil, nil, position: 0)),
      AttentionCase(
        testDescription: "two spans, causal", heads: grouped, mask: .causal,
        segments: two(nil, 3, position: first / 3)),
      // Windows of unlike length: from far back in the first span a gap remains before the second.
      AttentionCase(
        testDescription: "windows with a gap", heads: grouped, mask: .causal,
        segments: two(first, 2, position: first / 2 + 1)),
    ]
  }
}
