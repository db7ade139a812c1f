import Foundation
import Numerics
import Testing

@Suite struct MultiHeadAttentionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let mask: OldAttentionMask
    let scale: Float
    let segments: [OldAttentionSegment]
    var dropout: Dropout?
  }

  static let heads = 2, size = 5
  static var width: Int { heads * size }
  static let own = [
    OldAttentionSegment(firstQuery: 0, queryCount: 4, firstKey: 0, keyCount: 4),
    OldAttentionSegment(firstQuery: 4, queryCount: 7, firstKey: 4, keyCount: 7),
  ]
  static let crossing = [
    OldAttentionSegment(firstQuery: 0, queryCount: 4, firstKey: 3, keyCount: 8),
    OldAttentionSegment(firstQuery: 4, queryCount: 7, firstKey: 0, keyCount: 3),
  ]
  static let cases = [
    Case(testDescription: "causal", mask: .causal, scale: 1, segments: own),
    Case(testDescription: "window", mask: .window(3), scale: 1, segments: own),
    Case(testDescription: "all, scaled", mask: .all, scale: 0.3, segments: crossing),
    Case(
      testDescription: "dropout", mask: .window(4), scale: 0.5, segments: own,
      dropout: Dropout(rate: 0.4, seed: 1, step: 2, site: 3)),
  ]

  @Test(arguments: cases) func gradients(_ test: Case) {
    let count = 11 * Self.width
    let attention = MultiHeadAttention(
      heads: OldAttentionHeads(count: Self.heads, size: Self.size, scale: test.scale), mask: test.mask)
    let q = random(count, seed: 1)
    let k = random(count, seed: 2)
    let v = random(count, seed: 3)
    let c = random(count, seed: 4)
    let out = FloatBuffer(count: count)
    let dq = random(count, seed: 5)
    let dk = random(count, seed: 6)
    let dv = random(count, seed: 7)
    attention.backward(
      dQueries: dq.base, dKeys: dk.base, dValues: dv.base, dOut: c.base, queries: q.base,
      keys: k.base, values: v.base, segments: test.segments, dropout: test.dropout)
    func loss() -> Double {
      attention.forward(
        out.base, queries: q.base, keys: k.base, values: v.base, segments: test.segments,
        dropout: test.dropout)
      return weighted(c, out)
    }
    checkGradient("dq", q, dq.array(), loss: loss)
    checkGradient("dk", k, dk.array(), loss: loss)
    checkGradient("dv", v, dv.array(), loss: loss)
  }

  /// Against sums in float64 written from the definition, at more rows than a block has.
  @Test(arguments: [OldAttentionMask.causal, .window(9), .all])
  func agreesWithTheDefinition(_ mask: OldAttentionMask) {
    let (rows, width) = (150, Self.width)
    let q = random(rows * width, seed: 1)
    let k = random(rows * width, seed: 2)
    let v = random(rows * width, seed: 3)
    let out = FloatBuffer(count: rows * width)
    let heads = OldAttentionHeads(count: Self.heads, size: Self.size, scale: 0.7)
    MultiHeadAttention(heads: heads, mask: mask).forward(
      out.base, queries: q.base, keys: k.base, values: v.base,
      segments: [OldAttentionSegment(firstQuery: 0, queryCount: rows, firstKey: 0, keyCount: rows)])
    for i in 0..<rows {
      for head in 0..<Self.heads {
        let visible = (0..<rows).filter { j in
          switch mask {
          case .all: true
          case .causal: j <= i
          case .window(let size): 0 <= i - j && i - j < size
          }
        }
        func element(_ x: borrowing FloatBuffer, _ row: Int, _ d: Int) -> Double {
          Double(x[row * width + head * Self.size + d])
        }
        let weights = visible.map { j in
          Foundation.exp(
            0.7 * (0..<Self.size).reduce(0.0) { $0 + element(q, i, $1) * element(k, j, $1) })
        }
        let total = weights.reduce(0, +)
        for d in 0..<Self.size {
          let truth = zip(visible, weights).reduce(0.0) { $0 + $1.1 / total * element(v, $1.0, d) }
          // A mean of values below 1 with weights rounded to float32.
          #expect(abs(element(out, i, d) - truth) < 2e-6)
        }
      }
    }
  }

  /// One query against cached keys has the bits of its row in the whole; so do any number of threads.
  @Test(arguments: [OldAttentionMask.causal, .window(9)])
  func cachedKeysGiveTheSameBits(_ mask: OldAttentionMask) {
    let (rows, width) = (150, Self.width)
    let q = random(rows * width, seed: 1)
    let k = random(rows * width, seed: 2)
    let v = random(rows * width, seed: 3)
    let out = FloatBuffer(count: rows * width)
    let attention = MultiHeadAttention(
      heads: OldAttentionHeads(count: Self.heads, size: Self.size, scale: 1), mask: mask)
    attention.forward(
      out.base, queries: q.base, keys: k.base, values: v.base,
      segments: [OldAttentionSegment(firstQuery: 0, queryCount: rows, firstKey: 0, keyCount: rows)])
    let one = FloatBuffer(count: rows * width)
    ThreadTeam.shared.limited(to: 1) {
      for row in 0..<rows {
        attention.forward(
          one.base + row * width, queries: q.base + row * width, keys: k.base, values: v.base,
          segments: [
            OldAttentionSegment(
              firstQuery: 0, queryCount: 1, firstKey: 0, keyCount: row + 1, firstPosition: row)
          ])
      }
    }
    #expect(one.array() == out.array())
  }
}
