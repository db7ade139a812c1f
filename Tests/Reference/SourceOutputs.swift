import KnowledgeSource
import Numerics

// A source's results as arrays, which tests compare.
extension Source {
  func states(_ ids: [Int32], layer: Int, normalized: Bool? = nil) throws -> [Float] {
    let out = FloatBuffer(count: ids.count * width)
    try states(ids, layer: layer, normalized: normalized, into: out.base)
    return out.array()
  }
}

extension DecoderSource {
  func logits(_ finalStates: [Float]) throws -> [Float] {
    let count = finalStates.count / width
    let out = FloatBuffer(count: count * vocabularySize)
    try logits(fromFinalStates: finalStates, count: count, into: out.base)
    return out.array()
  }

  /// Up to `limit` tokens after `ids`, each the likeliest, the last one `end` where it comes.
  func greedyContinuation(of ids: [Int32], limit: Int, end: Set<Int32>) throws -> [Int32] {
    let session = try makeSession(capacity: ids.count + limit)
    let states = FloatBuffer(count: max(ids.count, 1) * width)
    let scores = FloatBuffer(count: vocabularySize)
    var tokens: [Int32] = []
    var next = ids
    while tokens.count < limit, tokens.last.map({ !end.contains($0) }) ?? true {
      try session.append(next, into: states.base)
      try logits(
        fromFinalStates: states.base + (next.count - 1) * width, count: 1, into: scores.base)
      var best = 0
      for id in 1..<vocabularySize where scores[id] > scores[best] { best = id }
      tokens.append(Int32(best))
      next = [Int32(best)]
    }
    return tokens
  }
}
