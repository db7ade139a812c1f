import Layers
import Numerics

/// The sizes of what reads the source.
struct BridgeShape: Sendable {
  /// C, of the stream that reads.
  let width: Int
  let heads: AttentionHeads
  let adapterWidth: Int
  let epsilon: Float
  let streams: [StreamShape]
}

/// Which states each part of a pass reads: its own rows, or what its session remembers.
struct BridgeReading {
  let sequences: Sequences
  /// The states that come with the pass, a stream each.
  let states: [StreamRows]
  /// What each part's session remembers; nil where parts are whole documents.
  let memories: [BridgeMemory]?

  init(_ sequences: Sequences, states: [StreamRows], memories: [any ConditioningMemory]?) {
    self.sequences = sequences
    self.states = states
    self.memories = memories?.map { memory in
      guard let memory = memory as? BridgeMemory else {
        preconditionFailure("a session's memory of another conditioning")
      }
      return memory
    }
  }

  /// Puts new keys and values, rows of all parts, behind those that the sessions remember.
  func store(stream: Int, layer: Int, keys: Rows, values: Rows) {
    guard let memories else { return }
    for (place, memory) in memories.enumerated() {
      let rows = states[stream].parts[place]
      memory.store(stream: stream, layer: layer, keys: keys[rows], values: values[rows])
    }
  }

  func segments(layer: Int, keys: [Rows], values: [Rows], scale: Float) -> [AttentionSegment] {
    sequences.parts.enumerated().map { place, part in
      let spans = states.indices.map { stream in
        let rows = states[stream].parts[place]
        return memories?[place].span(
          stream: stream, layer: layer, added: rows.count, scale: scale)
          ?? KeySpan(keys: keys[stream][rows], values: values[stream][rows], scale: scale)
      }
      return AttentionSegment(rows: part.rows, firstPosition: part.start, spans: spans)
    }
  }

  /// Where the gradients of keys and values go, by part and stream.
  func gradients(keys: [Rows], values: [Rows]) -> [[Attention.KeyGradients]] {
    sequences.parts.indices.map { place in
      states.indices.map { stream in
        let rows = states[stream].parts[place]
        return Attention.KeyGradients(keys: keys[stream][rows], values: values[stream][rows])
      }
    }
  }
}

/// What a session remembers for the layers of its bridge: keys and values of the states so far.
final class BridgeMemory: ConditioningMemory {
  private let heads: AttentionHeads
  private let layers: Int
  /// Room for so many states a stream; nil: as many as come with the first step.
  private let capacity: Int?
  private var stored: [KeyValueMemory?]
  /// States of each stream whose keys and values are stored.
  private(set) var counts: [Int]
  /// States that come with the next step, [count, width] a stream.
  var pending: [[Float]]
  /// What was read of all of the prompt's states at once, where something is.
  var pooled: [Float]?
  /// All states of before, where a step runs them again.
  var earlier: [[Float]]

  init(heads: AttentionHeads, layers: Int, streams: Int, capacity: Int?) {
    self.heads = heads
    self.layers = layers
    self.capacity = capacity
    stored = Array(repeating: nil, count: streams)
    counts = Array(repeating: 0, count: streams)
    pending = Array(repeating: [], count: streams)
    earlier = Array(repeating: [], count: streams)
  }

  func copy() -> any ConditioningMemory {
    let copy = BridgeMemory(heads: heads, layers: layers, streams: stored.count, capacity: capacity)
    // Where all came with the first step, nothing more is written.
    copy.stored = capacity == nil ? stored : zip(stored, counts).map { $0?.copy(positions: $1) }
    (copy.counts, copy.pending, copy.earlier, copy.pooled) = (counts, pending, earlier, pooled)
    return copy
  }

  /// Forgets keys and values, but not `earlier`, so that a step may run from the first position again.
  func startAgain() { counts = counts.map { _ in 0 } }

  func store(stream: Int, layer: Int, keys: Rows, values: Rows) {
    guard keys.count > 0 else { return }
    let memory = memory(stream, atLeast: counts[stream] + keys.count)
    memory.panels.store(
      keys: keys, values: values, at: counts[stream], in: memory.layer(layer))
  }

  /// A step that was stopped may have left room for its own states, fewer than those that come now.
  private func memory(_ stream: Int, atLeast count: Int) -> KeyValueMemory {
    if let known = stored[stream], known.panels.capacity >= count || counts[stream] > 0 {
      return known
    }
    let new = KeyValueMemory(heads: heads, capacity: max(capacity ?? count, count), layers: layers)
    stored[stream] = new
    return new
  }

  func span(stream: Int, layer: Int, added: Int, scale: Float) -> KeySpan? {
    guard let memory = stored[stream] else { return nil }
    return KeySpan(
      panels: memory.panels, layer: memory.layer(layer), count: counts[stream] + added,
      scale: scale)
  }

  /// What came with a step is remembered now.
  func extend(by added: [Int]) {
    for (stream, count) in added.enumerated() { counts[stream] += count }
  }
}
