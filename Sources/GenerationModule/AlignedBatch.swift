import Numerics

/// Documents of `aligned` conditioning, one after another.
struct AlignedBatch {
  var positions: [Int32] = []
  /// A document's tokens, which are its states' too.
  var segments: [AttentionSegment] = []
  /// [rows, source width], in the arena.
  var states: UnsafeMutablePointer<Float>
  /// Rows that predict a token, and what they predict.
  var lossRows: [Int32] = []
  var targets: [Int32] = []

  init(
    _ documents: [GenerationDocument], loss: LossScope, _ shape: GeneratorConfiguration,
    _ arena: Arena
  ) throws(GenerationModuleError) {
    states = arena.take(documents.reduce(0) { $0 + $1.states.count })
    for (place, document) in documents.enumerated() {
      let ids = document.prompt + document.response
      try GenerationDocument.check(ids, vocabulary: shape.vocabularySize, document: place)
      let count = try document.stateCount(width: shape.sourceWidth, document: place)
      guard count == ids.count, count > 0 else {
        throw .document(
          place, item: "states", expected: "one a token, \(ids.count), at least one",
          found: "\(count)")
      }
      guard count <= shape.positions else {
        throw .document(
          place, item: "length", expected: "at most \(shape.positions) tokens", found: "\(count)")
      }
      let first = positions.count
      document.states.withUnsafeBufferPointer { source in
        guard let base = source.baseAddress else { return }
        (states + first * shape.sourceWidth).update(from: base, count: source.count)
      }
      segments.append(
        AttentionSegment(firstQuery: first, queryCount: count, firstKey: first, keyCount: count))
      positions += (0..<Int32(count))
      for target in Self.firstTarget(document, loss)..<count {
        lossRows.append(Int32(first + target - 1))
        targets.append(ids[target])
      }
    }
  }

  /// The first token that the loss is over. Nothing predicts the first of all.
  static func firstTarget(_ document: GenerationDocument, _ loss: LossScope) -> Int {
    let count = document.prompt.count + document.response.count
    return min(loss == .all ? 1 : max(1, document.prompt.count), count)
  }
}
