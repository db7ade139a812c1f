import Numerics

extension KnowledgeSource {
  /// How far this source's states of a text are from those of the same weights in float32:
  /// |states - exact| / |exact|, Euclidean over all of them. 0 for a float32 source.
  ///
  /// The float32 weights are read a block at a time, so no second model is held.
  public func errorAgainstFloat32(
    _ ids: [Int32], layer: Int, normalized: Bool? = nil
  ) throws(KnowledgeSourceError) -> Double {
    try check(ids)
    try check(layer: layer)
    guard precision != .float32, !ids.isEmpty else { return 0 }
    let found = FloatBuffer(count: ids.count * width)
    try states(ids, layer: layer, normalized: normalized, into: found.base)

    let exact = FloatBuffer(count: ids.count * width)
    let panels = keyValuePanels(capacity: ids.count)
    let memory = FloatBuffer(count: panels.floatCount)
    let span = AttentionSpan(
      firstRow: 0, count: ids.count,
      own: KeyValueSegment(count: 0, panels: panels, layers: memory.base, layerStride: 0))
    let reader = WeightReader(catalogue: catalogue, precision: .float32)
    embed(ids, into: exact.base)
    for index in 0..<layer {
      let weights: SourceParameters.Layer
      do { weights = try SourceParameters.Layer(index, reader, configuration) } catch {
        throw .files(error)
      }
      forward(exact.base, spans: [span], layers: [(index, weights)], precision: .float32)
    }
    if normalized ?? (layer == layerCount) { normalize(exact.base, rows: ids.count) }

    var (difference, size) = (0.0, 0.0)
    for index in 0..<exact.count {
      let value = Double(exact[index])
      difference += (Double(found[index]) - value) * (Double(found[index]) - value)
      size += value * value
    }
    return size > 0 ? (difference / size).squareRoot() : 0
  }
}
