import FeatureCache
import KnowledgeSource
import Numerics

/// What the source makes of texts, and of states of them.
extension CodecFitting {
  /// The states of texts, back to back.
  static func states(
    _ source: DecoderSource, _ texts: [[Int32]], _ layer: Int, _ normalized: Bool,
    _ check: () throws -> Void
  ) throws -> FloatBuffer {
    let states = FloatBuffer(count: texts.reduce(0) { $0 + $1.count } * source.width)
    var place = states.base
    for group in groups(texts) {
      try check()
      let texts = Array(texts[group])
      try source.states(batch: texts, layer: layer, normalized: normalized, into: place)
      place += texts.reduce(0) { $0 + $1.count } * source.width
    }
    return states
  }

  /// The loss of each text, summed over its tokens: the source goes on from the states, which are changed by that.
  static func losses(
    _ source: DecoderSource, _ texts: [[Int32]], _ states: UnsafePointer<Float>, _ layer: Int,
    _ normalized: Bool, _ check: () throws -> Void
  ) throws -> [Double] {
    var losses: [Double] = []
    var place = states
    for group in groups(texts) {
      try check()
      let texts = Array(texts[group])
      let count = texts.reduce(0) { $0 + $1.count } * source.width
      let final = try final(source, texts, place, layer, normalized) {}
      var row = 0
      for ids in texts {
        losses.append(
          try source.losses(of: ids, finalStates: final.base + row * source.width)
            .reduce(0) { $0 + Double($1) })
        row += ids.count
      }
      place += count
    }
    return losses
  }

  /// The states after the final norm, to which the source goes on from those given.
  static func final(
    _ source: DecoderSource, _ texts: [[Int32]], _ states: UnsafePointer<Float>, _ layer: Int,
    _ normalized: Bool, _ check: () throws -> Void
  ) throws -> FloatBuffer {
    let count = texts.reduce(0) { $0 + $1.count } * source.width
    let final = FloatBuffer(count: count)
    final.base.update(from: states, count: count)
    if normalized { return final }
    var place = final.base
    for group in groups(texts) {
      try check()
      let lengths = texts[group].map(\.count)
      try source.advance(place, lengths: lengths, from: layer, to: source.layerCount)
      place += lengths.reduce(0, +) * source.width
    }
    return final
  }

  /// The texts in runs that go through the source together.
  static func groups(_ texts: [[Int32]]) -> [Range<Int>] {
    var groups: [Range<Int>] = []
    var (first, tokens) = (0, 0)
    for (index, ids) in texts.enumerated() {
      if tokens > 0, tokens + ids.count > OpenedSource.rowsOfAPass {
        groups.append(first..<index)
        (first, tokens) = (index, 0)
      }
      tokens += ids.count
    }
    return tokens > 0 ? groups + [first..<texts.count] : groups
  }
}
