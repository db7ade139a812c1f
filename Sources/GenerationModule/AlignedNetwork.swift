import Numerics

/// `aligned` conditioning: the bridge's output, one vector a token, in place of GPT-Neo's token
/// embeddings; position embeddings, layers, and a head of its own. Names are the published
/// checkpoint's; its unused `wte` is no parameter here.
struct AlignedNetwork: Sendable {
  let layout: ParameterLayout
  let bridge: AlignedBridge
  let positionTable: Int
  let blocks: [GPTNeoBlock]
  let head: OutputHead
  let width: Int

  init(_ shape: GeneratorConfiguration) {
    var layout = ParameterLayout()
    bridge = AlignedBridge(&layout, shape)
    let (prefix, group) = ("gptneo.base_model.transformer", ParameterGroup.generator)
    positionTable = layout.add(
      "\(prefix).wpe.weight", [shape.positions, shape.width], group, .constant(0))
    blocks = (0..<shape.layerCount).map {
      GPTNeoBlock(&layout, "\(prefix).h.\($0)", index: $0, shape)
    }
    head = OutputHead(
      norm: NormLayer(
        &layout, "\(prefix).ln_f", width: shape.width, epsilon: shape.layerNormEpsilon,
        group: group),
      projection: LinearLayer(
        &layout, "gptneo.new_lm_head", inputs: shape.width, outputs: shape.vocabularySize,
        group: group, weight: .linear(inputs: shape.width), bias: nil))
    width = shape.width
    self.layout = layout
  }

  /// The generator's input, [rows, C], from states [rows, D].
  func embed(
    _ out: UnsafeMutablePointer<Float>, states: UnsafePointer<Float>, positions: [Int32],
    segments: [AttentionSegment], cachedRows: Int = 0, _ trace: AlignedBridge.Trace, _ pass: Pass
  ) {
    bridge.forward(
      out, states, rows: positions.count, segments: segments, cachedRows: cachedRows, trace, pass)
    positionEmbeddingForward(
      out, positions: positions, table: pass.weights.values + positionTable, width: width)
    pass.dropout(\.embedding, site: DropoutSites.embedding)?
      .apply(out, rows: positions.count, width: width)
  }
}
