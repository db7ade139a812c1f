import Numerics

/// Documents of `prompt` conditioning, one after another.
struct PromptBatch {
  var tokens: [Int32] = []
  var positions: [Int32] = []
  /// A document's own tokens.
  var segments: [AttentionSegment] = []
  /// A document's tokens and its states.
  var reading: [AttentionSegment] = []
  /// [stateCount, source width], in the arena.
  var states: UnsafeMutablePointer<Float>
  var stateCount = 0
  /// Rows that predict a token, and what they predict.
  var lossRows: [Int32] = []
  var targets: [Int32] = []

  /// - Parameter embedsLast: Whether the last response token is embedded too, which no loss needs.
  init(
    _ documents: [GenerationDocument], _ shape: GeneratorConfiguration, embedsLast: Bool,
    _ arena: Arena
  ) throws(GenerationModuleError) {
    let reads = shape.bridgeLayerCount > 0
    states = arena.take(reads ? documents.reduce(0) { $0 + $1.states.count } : 0)
    for (place, document) in documents.enumerated() {
      let prefix = try shape.embeddedPrompt(document.prompt)
      let input = prefix + (embedsLast ? document.response[...] : document.response.dropLast())
      try GenerationDocument.check(
        prefix + document.response, vocabulary: shape.vocabularySize, document: place)
      guard input.count <= shape.positions else {
        throw .document(
          place, item: "length", expected: "at most \(shape.positions) embedded tokens",
          found: "\(input.count)")
      }
      if reads { try appendStates(document, place: place, rows: input.count, shape) }
      let first = tokens.count
      segments.append(
        AttentionSegment(
          firstQuery: first, queryCount: input.count, firstKey: first, keyCount: input.count))
      for (place, target) in document.response.enumerated() {
        lossRows.append(Int32(first + prefix.count - 1 + place))
        targets.append(target)
      }
      tokens += input
      positions += (0..<Int32(input.count))
    }
  }

  private mutating func appendStates(
    _ document: GenerationDocument, place: Int, rows: Int, _ shape: GeneratorConfiguration
  ) throws(GenerationModuleError) {
    let count = try document.stateCount(width: shape.sourceWidth, document: place)
    guard count > 0 else {
      throw .document(place, item: "states", expected: "at least one token's", found: "none")
    }
    document.states.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      (states + stateCount * shape.sourceWidth).update(from: base, count: source.count)
    }
    reading.append(
      AttentionSegment(
        firstQuery: tokens.count, queryCount: rows, firstKey: stateCount, keyCount: count))
    stateCount += count
  }
}
