import Numerics

/// A trained module in `aligned` conditioning, its weights packed for decoding. Any number of
/// sessions may run beside each other.
public final class AlignedDecoder: Sendable {
  public let configuration: GeneratorConfiguration
  let network: AlignedNetwork
  let weights: Weights
  /// Owns what `weights` points to.
  private let parameters: ParameterSet

  /// - Precondition: `generator` is not trained while the decoder lives.
  public init(_ generator: AlignedGenerator) {
    configuration = generator.configuration
    network = generator.network
    parameters = generator.parameters
    let values = UnsafePointer(generator.parameters.values)
    weights = Weights(
      values: values, packed: PackedWeights(network.layout.linearShapes, values: values))
  }

  /// - Parameter capacity: Tokens at most; the configuration's positions if nil.
  public func makeSession(capacity: Int? = nil) -> AlignedSession {
    AlignedSession(self, capacity: capacity)
  }
}

/// Step-by-step decoding: the source's states in, logits out. For one thread at a time.
///
/// Under the causal mask keys and values are cached, and logits have the bits of a pass over the
/// whole document. Under the published one a later state changes earlier positions, so every step
/// computes all positions again from the states there are: free-running, as that code would.
public final class AlignedSession {
  private let decoder: AlignedDecoder
  private let arena = Arena()
  private let bridgeCaches: [KeyValueCache]
  private let caches: [KeyValueCache]
  private let states: FloatBuffer
  public let capacity: Int

  /// States taken so far.
  public private(set) var position = 0

  fileprivate init(_ decoder: AlignedDecoder, capacity: Int?) {
    let shape = decoder.configuration
    self.decoder = decoder
    self.capacity = min(max(capacity ?? shape.positions, 1), shape.positions)
    let (width, limit) = (shape.width, self.capacity)
    caches = (0..<shape.layerCount).map { _ in KeyValueCache(capacity: limit, width: width) }
    bridgeCaches = (0..<shape.bridgeLayerCount).map { _ in
      KeyValueCache(capacity: limit, width: width)
    }
    states = FloatBuffer(count: limit * shape.sourceWidth)
  }

  /// Takes the states [count, source width] of the next tokens, and writes the logits [vocabulary]
  /// that follow the last one.
  public func append(
    _ newStates: UnsafePointer<Float>, count: Int, logits: UnsafeMutablePointer<Float>
  ) throws(GenerationModuleError) {
    guard count > 0 else { return }
    guard count <= capacity - position else { throw .positionsExhausted(limit: capacity) }
    let (network, sourceWidth) = (decoder.network, decoder.configuration.sourceWidth)
    (states.base + position * sourceWidth).update(from: newStates, count: count * sourceWidth)
    let end = position + count
    let first = decoder.configuration.bridgeMask == .causal ? position : 0
    let rows = end - first
    arena.reset()
    let pass = Pass(weights: decoder.weights, arena: arena)
    let segments = [
      AttentionSegment(
        firstQuery: 0, queryCount: rows, firstKey: 0, keyCount: end, firstPosition: first)
    ]
    let stream = arena.take(rows * network.width)
    arena.scratch {
      network.embed(
        stream, states: states.base + first * sourceWidth,
        positions: Array(Int32(first)..<Int32(end)), segments: segments, cachedRows: first,
        network.bridge.trace(rows: rows, memories: bridgeCaches.map(\.memory), arena), pass)
    }
    for (block, cache) in zip(network.blocks, caches) {
      arena.scratch {
        let trace = block.trace(rows: rows, arena, keys: cache.keys, values: cache.values)
        block.forward(
          stream, stream, rows: rows, segments: segments, cachedRows: first, trace, pass)
      }
    }
    network.head.logits(logits, stream, first: rows - 1, count: 1, pass)
    position = end
  }

  /// As above, from and to arrays.
  public func append(_ newStates: [Float]) throws(GenerationModuleError) -> [Float] {
    let count = try GenerationDocument(states: newStates, prompt: [], response: [])
      .stateCount(width: decoder.configuration.sourceWidth, document: 0)
    var values = [Float](repeating: 0, count: decoder.configuration.vocabularySize)
    let failure = values.withUnsafeMutableBufferPointer { buffer -> GenerationModuleError? in
      newStates.withUnsafeBufferPointer { source in
        guard let out = buffer.baseAddress, let base = source.baseAddress else { return nil }
        do throws(GenerationModuleError) {
          try append(base, count: count, logits: out)
          return nil
        } catch {
          return error
        }
      }
    }
    if let failure { throw failure }
    return values
  }
}
