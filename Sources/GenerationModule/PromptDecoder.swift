import Numerics

/// A trained module in `prompt` conditioning, its weights packed for decoding. Any number of sessions
/// may run beside each other.
public final class PromptDecoder: Sendable {
  public let configuration: GeneratorConfiguration
  let network: PromptNetwork
  let weights: Weights
  /// Owns what `weights` points to.
  private let parameters: ParameterSet

  /// - Precondition: `generator` is not trained while the decoder lives.
  public init(_ generator: PromptGenerator) {
    configuration = generator.configuration
    network = generator.network
    parameters = generator.parameters
    let values = UnsafePointer(generator.parameters.values)
    weights = Weights(
      values: values, packed: PackedWeights(network.layout.linearShapes, values: values))
  }

  /// A session over a prompt's states [count, source width]; empty for a generator alone.
  ///
  /// - Parameter capacity: Tokens that will be embedded at most; the configuration's positions if nil.
  public func makeSession(
    states: [Float], capacity: Int? = nil
  ) throws(GenerationModuleError) -> PromptSession {
    try PromptSession(self, states: states, capacity: capacity)
  }
}

/// Step-by-step decoding with cached keys and values. Logits have the bits of a pass over the whole
/// document. For one thread at a time.
public final class PromptSession {
  private let decoder: PromptDecoder
  private let arena = Arena()
  private let read: [KeyValueCache]
  private let caches: [KeyValueCache]
  private let stateCount: Int
  public let capacity: Int

  /// Tokens embedded so far.
  public private(set) var position = 0

  fileprivate init(
    _ decoder: PromptDecoder, states: [Float], capacity: Int?
  ) throws(GenerationModuleError) {
    let shape = decoder.configuration
    let count = try GenerationDocument(states: states, prompt: [], response: [])
      .stateCount(width: shape.sourceWidth, document: 0)
    guard count > 0 || shape.bridgeLayerCount == 0 else {
      throw .document(0, item: "states", expected: "at least one token's", found: "none")
    }
    self.decoder = decoder
    self.capacity = min(max(capacity ?? shape.positions, 1), shape.positions)
    let (width, limit) = (shape.width, self.capacity)
    stateCount = count
    caches = (0..<shape.layerCount).map { _ in KeyValueCache(capacity: limit, width: width) }
    read = (0..<shape.bridgeLayerCount).map { _ in KeyValueCache(capacity: count, width: width) }
    let pass = Pass(weights: decoder.weights, arena: arena)
    states.withUnsafeBufferPointer { states in
      guard let base = states.baseAddress else { return }
      for (layer, cache) in zip(decoder.network.bridge, read) {
        layer.remember(base, count: count, cache.memory, pass)
      }
    }
  }

  /// Embeds `tokens` after those before and writes the logits [vocabulary] that follow the last one.
  /// Begin with `GeneratorConfiguration.embeddedPrompt(_:)`, then one token a step.
  public func append(
    _ tokens: [Int32], logits: UnsafeMutablePointer<Float>
  ) throws(GenerationModuleError) {
    let (network, count) = (decoder.network, tokens.count)
    try GenerationDocument.check(
      tokens, vocabulary: decoder.configuration.vocabularySize, document: 0)
    guard count > 0 else { return }
    guard count <= capacity - position else { throw .positionsExhausted(limit: capacity) }
    arena.reset()
    let pass = Pass(weights: decoder.weights, arena: arena)
    let stream = arena.take(count * network.width)
    network.embed(
      stream, tokens: tokens, positions: Array(Int32(position)..<Int32(position + count)), pass)
    let own = AttentionSegment(
      firstQuery: 0, queryCount: count, firstKey: 0, keyCount: position + count,
      firstPosition: position)
    let reading = AttentionSegment(
      firstQuery: 0, queryCount: count, firstKey: 0, keyCount: stateCount)
    for (index, cache) in caches.enumerated() {
      arena.scratch {
        let trace = PromptNetwork.LayerTrace(
          bridge: read.isEmpty
            ? nil : (read[index].memory, network.bridge[index].trace(rows: count, arena)),
          mixed: arena.take(count * network.width),
          block: network.blocks[index].trace(
            rows: count, arena, keys: cache.keys, values: cache.values),
          output: stream)
        network.forward(
          index, stream, rows: count, reading: [reading], segments: [own], cachedRows: position,
          trace, pass)
      }
    }
    network.head.logits(logits, stream, first: count - 1, count: 1, pass)
    position += count
  }

  /// As above, as an array.
  public func append(_ tokens: [Int32]) throws(GenerationModuleError) -> [Float] {
    var values = [Float](repeating: 0, count: decoder.configuration.vocabularySize)
    let failure = values.withUnsafeMutableBufferPointer { buffer -> GenerationModuleError? in
      guard let base = buffer.baseAddress else { return nil }
      do throws(GenerationModuleError) {
        try append(tokens, logits: base)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    return values
  }
}
