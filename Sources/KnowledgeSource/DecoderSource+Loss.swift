import Numerics

extension DecoderSource {
  /// Positions whose logits are held at once: a vocabulary's width each.
  private static let logitRows = 128

  /// The loss of each next token, - log p(ids[i + 1] | ids[...i]) in nats: one fewer than there are ids.
  ///
  /// - Parameter states: [ids.count, width], final: layer N after the norm. Decoded states say what a
  ///   codec costs.
  public func losses(
    of ids: [Int32], finalStates states: UnsafePointer<Float>
  ) throws(KnowledgeSourceError) -> [Float] {
    guard ids.count > 1 else { return [] }
    let logits = FloatBuffer(count: min(Self.logitRows, ids.count) * vocabularySize)
    let losses = FloatBuffer(count: ids.count)
    for first in stride(from: 0, to: ids.count - 1, by: Self.logitRows) {
      let count = min(Self.logitRows, ids.count - 1 - first)
      try self.logits(
        fromFinalStates: states + first * width, count: count, into: logits.base)
      softmaxCrossEntropy(
        losses: Rows(losses, width: 1)[first..<first + count],
        logits: Rows(logits, width: vocabularySize)[0..<count],
        targets: ids[first + 1..<first + 1 + count])
    }
    return Array(losses.array().prefix(ids.count - 1))
  }

  /// The same, of the states that this source computes.
  public func losses(of ids: [Int32]) throws(KnowledgeSourceError) -> [Float] {
    let states = FloatBuffer(count: ids.count * width)
    try self.states(ids, layer: layerCount, into: states.base)
    return try losses(of: ids, finalStates: states.base)
  }
}
