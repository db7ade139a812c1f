import Numerics

/// Room for the keys and values of some tokens of one document in every layer of a model.
// Not Sendable: a session's own, or shared by sessions that only read it.
public final class KeyValueMemory {
  public let panels: KeyValuePanels
  private let memory: UninitializedBuffer
  private let layerStride: Int
  private let heads: AttentionHeads
  private let layers: Int?

  /// - Parameters:
  ///   - capacity: positions there is room for.
  ///   - layers: layers there is room for; `nil`: of one, which all layers use in turn, for a pass that
  ///     ends with its document.
  public init(heads: AttentionHeads, capacity: Int, layers: Int?) {
    self.heads = heads
    self.layers = layers
    panels = KeyValuePanels(
      headCount: heads.keyValueCount, headSize: heads.size, capacity: capacity)
    layerStride = layers == nil ? 0 : panels.floatCount
    memory = UninitializedBuffer(count: (layers ?? 1) * panels.floatCount)
  }

  /// Another one, with the keys and values of the first positions.
  public func copy(positions: Int) -> KeyValueMemory {
    let copy = KeyValueMemory(heads: heads, capacity: panels.capacity, layers: layers)
    for layer in 0..<(layers ?? 1) {
      panels.copy(positions: positions, from: self.layer(layer), to: copy.layer(layer))
    }
    return copy
  }

  /// A layer's panels, valid as long as the memory lives.
  public func layer(_ index: Int) -> UnsafeMutablePointer<Float> {
    memory.base + index * layerStride
  }
}

/// The first positions of a memory, which other documents may read too: they are never written again.
public struct StoredKeys {
  public let memory: KeyValueMemory
  public let count: Int

  public init(_ memory: KeyValueMemory, count: Int) {
    self.memory = memory
    self.count = count
  }
}
