import Numerics

/// `prompt` conditioning: GPT-Neo that reads the prompt's states before every layer,
/// x ← block(x + g a), its head tied to its token embedding.
struct PromptNetwork: Sendable {
  /// What a layer's forward pass leaves for its backward pass.
  struct LayerTrace {
    let bridge: (memory: EnhancedCrossAttention.Memory, trace: EnhancedCrossAttention.Trace)?
    /// The stream after the bridge.
    let mixed: UnsafeMutablePointer<Float>
    let block: GPTNeoBlock.Trace
    /// The stream after the block.
    let output: UnsafeMutablePointer<Float>
  }

  let layout: ParameterLayout
  let tokenTable: Int
  let positionTable: Int
  /// One a layer, or none for a generator alone.
  let bridge: [EnhancedCrossAttention]
  let blocks: [GPTNeoBlock]
  let head: OutputHead
  let width: Int

  init(_ shape: GeneratorConfiguration, start: EnhancedCrossAttention.Start) {
    var layout = ParameterLayout()
    bridge = (0..<shape.bridgeLayerCount).map {
      EnhancedCrossAttention(
        &layout, "bridge.\($0)", index: $0, shape, mask: .all, mixture: .added, start: start)
    }
    let (width, group) = (shape.width, ParameterGroup.generator)
    tokenTable = layout.add("gpt.wte.weight", [shape.vocabularySize, width], group, .gptNeo)
    positionTable = layout.add("gpt.wpe.weight", [shape.positions, width], group, .gptNeo)
    blocks = (0..<shape.layerCount).map { GPTNeoBlock(&layout, "gpt.h.\($0)", index: $0, shape) }
    head = OutputHead(
      norm: NormLayer(
        &layout, "gpt.ln_f", width: width, epsilon: shape.layerNormEpsilon, group: group),
      projection: LinearLayer(
        &layout, tiedTo: tokenTable, inputs: width, outputs: shape.vocabularySize))
    self.width = width
    self.layout = layout
  }

  /// Memory for a layer's pass of its own.
  func trace(_ index: Int, rows: Int, states: Int, _ arena: Arena) -> LayerTrace {
    LayerTrace(
      bridge: bridge.isEmpty
        ? nil
        : (bridge[index].memory(states: states, arena), bridge[index].trace(rows: rows, arena)),
      mixed: arena.take(rows * width), block: blocks[index].trace(rows: rows, arena),
      output: arena.take(rows * width))
  }

  /// The stream's first values, [rows, C].
  func embed(
    _ out: UnsafeMutablePointer<Float>, tokens: [Int32], positions: [Int32], _ pass: Pass
  ) {
    tokenEmbeddingForward(
      out, tokens: tokens, positions: positions, tokenTable: pass.weights.values + tokenTable,
      positionTable: pass.weights.values + positionTable, width: width)
    pass.dropout(\.embedding, site: DropoutSites.embedding)?
      .apply(out, rows: tokens.count, width: width)
  }

  /// One layer, from x [rows, C] to `trace.output`, which may be x. The states are remembered already.
  func forward(
    _ index: Int, _ x: UnsafePointer<Float>, rows: Int, reading: [AttentionSegment],
    segments: [AttentionSegment], cachedRows: Int = 0, _ trace: LayerTrace, _ pass: Pass
  ) {
    var stream = x
    if let read = trace.bridge {
      bridge[index].forward(
        trace.mixed, x, rows: rows, read.memory, segments: reading, read.trace, pass)
      stream = UnsafePointer(trace.mixed)
    }
    blocks[index].forward(
      trace.output, stream, rows: rows, segments: segments, cachedRows: cachedRows, trace.block,
      pass)
  }
}
