import Numerics

// O attention(R N Q x, R N K x, V x), R the rotary positions and N a norm of each head, where there are such
//
// Shapes: R rows, C width, H query heads over G key-value heads of size D.

/// The attention half of a block: a document's tokens read each other.
public struct SelfAttention: Sendable {
  /// What a forward pass leaves for the backward pass: turned queries [R, H D] and keys [R, G D], values,
  /// and what was read [R, H D]; where heads are normed, queries and keys as they were before.
  public struct Trace {
    let queries: Rows
    let keys: Rows
    let values: Rows
    let context: Rows
    let projectedQueries: Rows
    let projectedKeys: Rows
  }

  private let description: AttentionDescription
  private let query, key, value, output: LinearLayer
  private let queryNorm, keyNorm: NormLayer?
  private let attention: Attention
  private let site: Int

  /// - Parameter site: The number of its dropout place.
  init(
    _ layout: inout ParameterLayout, _ description: AttentionDescription, width: Int, site: Int
  ) {
    self.description = description
    self.site = site
    let heads = description.heads
    func linear(_ part: ProjectionDescription, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        &layout, part.name, inputs: inputs, outputs: outputs, group: .generator,
        weight: .transformer, bias: part.hasBias ? .constant(0) : nil, isAdapted: true)
    }
    var projections: [String: LinearLayer] = [:]
    for path in description.order {
      let part = description[keyPath: path]
      projections[part.name] = linear(
        part, width, path == \.query ? heads.width : heads.keyValueWidth)
    }
    guard let query = projections[description.query.name],
      let key = projections[description.key.name], let value = projections[description.value.name]
    else { preconditionFailure("the order has query, key and value") }
    (self.query, self.key, self.value) = (query, key, value)
    func norm(_ description: NormDescription?) -> NormLayer? {
      description.map {
        NormLayer(&layout, $0.name, width: heads.size, $0.kind, group: .generator)
      }
    }
    queryNorm = norm(description.queryNorm)
    keyNorm = norm(description.keyNorm)
    output = linear(description.output, heads.width, width)
    attention = Attention(heads, mask: description.mask)
  }

  func trace(rows: Int, _ arena: Arena) -> Trace {
    let (width, keyWidth) = (description.heads.width, description.heads.keyValueWidth)
    let (queries, keys) = (arena.rows(rows, width), arena.rows(rows, keyWidth))
    return Trace(
      queries: queries, keys: keys, values: arena.rows(rows, keyWidth),
      context: arena.rows(rows, width),
      projectedQueries: queryNorm == nil ? queries : arena.rows(rows, width),
      projectedKeys: keyNorm == nil ? keys : arena.rows(rows, keyWidth))
  }

  /// out [R, C] from x [R, C].
  func forward(
    _ out: Rows, _ x: Rows, _ sequences: Sequences, layer: Int, _ trace: Trace, _ pass: Pass
  ) {
    query.forward(trace.projectedQueries, x, pass)
    key.forward(trace.projectedKeys, x, pass)
    value.forward(trace.values, x, pass)
    let size = description.heads.size
    queryNorm?.forward(
      trace.queries.reshaped(width: size), trace.projectedQueries.reshaped(width: size), pass)
    keyNorm?.forward(
      trace.keys.reshaped(width: size), trace.projectedKeys.reshaped(width: size), pass)
    if let rotary = description.rotary {
      sequences.withAngles(rotary, headSize: size) { angles in
        angles.rotate(trace.queries, heads: description.heads.count, headSize: size)
        angles.rotate(trace.keys, heads: description.heads.keyValueCount, headSize: size)
      }
    }
    sequences.store(keys: trace.keys, values: trace.values, layer: layer)
    attention.forward(
      trace.context, queries: trace.queries,
      segments: sequences.segments(
        layer: layer, keys: trace.keys, values: trace.values, description),
      dropout: pass.dropout(\.selfAttention, site: site))
    output.forward(out, trace.context, pass)
  }

  /// Writes dx [R, C].
  func backward(
    dx: Rows, dOut: Rows, x: Rows, _ sequences: Sequences, _ trace: Trace, _ pass: Pass
  ) {
    let arena = pass.arena
    arena.scratch {
      let dContext = arena.rows(x.count, trace.context.width)
      let dQueries = arena.rows(x.count, trace.queries.width)
      let dKeys = arena.rows(x.count, trace.keys.width)
      let dValues = arena.rows(x.count, trace.values.width)
      output.backward(dx: dContext, dOut: dOut, x: trace.context, pass)
      attention.backward(
        dQueries: dQueries,
        dSpans: sequences.parts.map { [.init(keys: dKeys[$0.rows], values: dValues[$0.rows])] },
        dOut: dContext, queries: trace.queries,
        segments: sequences.segments(
          layer: 0, keys: trace.keys, values: trace.values, description),
        dropout: pass.dropout(\.selfAttention, site: site))
      if let rotary = description.rotary {
        let size = description.heads.size
        sequences.withAngles(rotary, headSize: size) { angles in
          angles.rotateBack(dQueries, heads: description.heads.count, headSize: size)
          angles.rotateBack(dKeys, heads: description.heads.keyValueCount, headSize: size)
        }
      }
      let dProjectedQueries = backward(queryNorm, dQueries, trace.projectedQueries, pass)
      let dProjectedKeys = backward(keyNorm, dKeys, trace.projectedKeys, pass)
      query.backward(dx: dx, dOut: dProjectedQueries, x: x, pass)
      key.backward(dx: dx, accumulates: true, dOut: dProjectedKeys, x: x, pass)
      value.backward(dx: dx, accumulates: true, dOut: dValues, x: x, pass)
    }
  }

  /// The gradient of what a norm of heads read, or what is given where there is none.
  private func backward(_ norm: NormLayer?, _ dOut: Rows, _ x: Rows, _ pass: Pass) -> Rows {
    guard let norm else { return dOut }
    let dx = pass.arena.zeros(dOut.count, dOut.width)
    norm.backward(
      dx: dx.reshaped(width: norm.width), dOut: dOut.reshaped(width: norm.width),
      x: x.reshaped(width: norm.width), pass)
    return dx
  }

  /// Takes the scratch memory that `backward` takes, and gives it back.
  func countBackward(rows: Int, _ arena: Arena) {
    arena.scratch {
      for _ in 0..<2 { _ = arena.rows(rows, description.heads.width) }
      for _ in 0..<2 { _ = arena.rows(rows, description.heads.keyValueWidth) }
      if queryNorm != nil { _ = arena.rows(rows, description.heads.width) }
      if keyNorm != nil { _ = arena.rows(rows, description.heads.keyValueWidth) }
      for layer in [query, key, value, output] { layer.countBackward(rows: rows, arena) }
    }
  }
}
