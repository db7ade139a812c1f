import Architectures
import Layers
import Numerics

extension Source {
  /// Runs a text in the source's precision and in float32. The float32 weights are read a block at a time,
  /// so no second model is held.
  func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool?, _ network: FrozenNetwork
  ) throws(KnowledgeSourceError) -> Double {
    try architecture.check(ids)
    try architecture.check(layer: layer)
    guard precision != .float32, !ids.isEmpty else { return 0 }
    let found = FloatBuffer(count: ids.count * width)
    try states(ids, layer: layer, normalized: normalized, into: found.base)

    let exact = FloatBuffer(count: ids.count * width)
    let x = Rows(exact, width: width)
    let heads = architecture.block(0).attention.heads
    let sequences = Sequences([
      Sequences.Part(
        rows: 0..<ids.count,
        own: StoredKeys(KeyValueMemory(heads: heads, capacity: ids.count, layers: nil), count: 0))
    ])
    network.embed(x, ids, sequences)
    for index in 0..<layer {
      let block = try network.float32Block(index)
      network.forward(x, sequences, blocks: [(index, block)], precision: .float32)
    }
    if normalized ?? isNormalized(layer) { network.normalize(x) }

    var (difference, size) = (0.0, 0.0)
    for index in 0..<exact.count {
      let value = Double(exact[index])
      difference += (Double(found[index]) - value) * (Double(found[index]) - value)
      size += value * value
    }
    return size > 0 ? (difference / size).squareRoot() : 0
  }
}
