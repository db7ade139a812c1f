import Numerics

// p = P₀ s;  x = LN₄ L₃ GELU LN₁ L₀ p;  twice: x ← x + (g a + (1 - g) x), a read from p;  x + P p
//
// The paper's bridge from the source's states to the generator's input, one vector a token.
// Shapes: R rows (tokens), D the states' width, M = (D + C) / 2, C the generator's width.

struct AlignedBridge: Sendable {
  /// One layer's keys and values, and what its forward pass leaves.
  struct LayerTrace {
    let memory: EnhancedCrossAttention.Memory
    let trace: EnhancedCrossAttention.Trace
    let output: UnsafeMutablePointer<Float>
  }

  /// What a forward pass leaves for the backward pass.
  struct Trace {
    /// p.
    let projected: UnsafeMutablePointer<Float>
    /// L₀ p, and its norm.
    let middle: UnsafeMutablePointer<Float>
    let middleNormed: UnsafeMutablePointer<Float>
    /// L₃'s output, and its norm: the stream's first values.
    let narrow: UnsafeMutablePointer<Float>
    let entry: UnsafeMutablePointer<Float>
    let layers: [LayerTrace]
  }

  private let preProjection, projection, toMiddle, toWidth: LinearLayer
  private let middleNorm, widthNorm: NormLayer
  let layers: [EnhancedCrossAttention]
  private let sourceWidth, middleWidth, width: Int

  init(_ layout: inout ParameterLayout, _ shape: GeneratorConfiguration) {
    let (source, middle, width) = (shape.sourceWidth, shape.middleWidth, shape.width)
    (sourceWidth, middleWidth, self.width) = (source, middle, width)
    func linear(_ part: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        &layout, "qwen.\(part)", inputs: inputs, outputs: outputs, group: .bridge,
        weight: .linear(inputs: inputs), bias: .linear(inputs: inputs))
    }
    func norm(_ part: String, _ width: Int) -> NormLayer {
      NormLayer(
        &layout, "qwen.\(part)", width: width, epsilon: shape.layerNormEpsilon, group: .bridge)
    }
    preProjection = linear("pre_proj", source, source)
    projection = linear("proj", source, width)
    toMiddle = linear("intermediate_layers.0", source, middle)
    middleNorm = norm("intermediate_layers.1", middle)
    toWidth = linear("intermediate_layers.3", middle, width)
    widthNorm = norm("intermediate_layers.4", width)
    layers = (0..<shape.bridgeLayerCount).map {
      EnhancedCrossAttention(
        &layout, "qwen.cross_attention_layers.\($0)", index: $0, shape,
        mask: shape.bridgeMask == .causal ? .causal : .all, mixture: .convex, start: .published)
    }
  }

  /// Memory for a pass of `rows`; keys and values in `memories` where they are cached.
  func trace(
    rows: Int, memories: [EnhancedCrossAttention.Memory]? = nil, _ arena: Arena
  ) -> Trace {
    Trace(
      projected: arena.take(rows * sourceWidth), middle: arena.take(rows * middleWidth),
      middleNormed: arena.take(rows * middleWidth), narrow: arena.take(rows * width),
      entry: arena.take(rows * width),
      layers: layers.indices.map {
        LayerTrace(
          memory: memories?[$0] ?? layers[$0].memory(states: rows, arena),
          trace: layers[$0].trace(rows: rows, arena), output: arena.take(rows * width))
      })
  }

  /// out [R, C] from states [R, D]. `cachedRows` rows of keys and values are there already.
  func forward(
    _ out: UnsafeMutablePointer<Float>, _ states: UnsafePointer<Float>, rows: Int,
    segments: [AttentionSegment], cachedRows: Int = 0, _ trace: Trace, _ pass: Pass
  ) {
    let (weights, arena) = (pass.weights, pass.arena)
    preProjection.forward(trace.projected, states, rows: rows, weights)
    toMiddle.forward(trace.middle, trace.projected, rows: rows, weights)
    middleNorm.forward(trace.middleNormed, trace.middle, rows: rows, weights)
    arena.scratch {
      let activated = arena.take(rows * middleWidth)
      GELU.exact.forward(activated, trace.middleNormed, count: rows * middleWidth)
      toWidth.forward(trace.narrow, activated, rows: rows, weights)
    }
    widthNorm.forward(trace.entry, trace.narrow, rows: rows, weights)
    var x = trace.entry
    for (layer, part) in zip(layers, trace.layers) {
      layer.remember(
        trace.projected, count: rows, cachedRows: cachedRows, part.memory, pass)
      layer.forward(part.output, x, rows: rows, part.memory, segments: segments, part.trace, pass)
      x = part.output
    }
    projection.forward(out, trace.projected, rows: rows, weights)
    add(x, to: out, count: rows * width)
  }

  /// `dStream` [R, C] holds the output's gradient; it is overwritten.
  func backward(
    dStream: UnsafeMutablePointer<Float>, states: UnsafePointer<Float>, rows: Int,
    segments: [AttentionSegment], _ trace: Trace, _ pass: Pass,
    _ gradients: UnsafeMutablePointer<Float>
  ) {
    let (weights, arena) = (pass.weights, pass.arena)
    arena.scratch {
      let dProjected = arena.take(rows * sourceWidth)
      projection.backward(
        dx: dProjected, dOut: dStream, x: trace.projected, rows: rows, weights, gradients)
      for index in layers.indices.reversed() {
        let part = trace.layers[index]
        layers[index].backward(
          dStream: dStream, dStates: dProjected,
          x: index == 0 ? trace.entry : trace.layers[index - 1].output, rows: rows,
          states: trace.projected, stateCount: rows, part.memory, segments: segments, part.trace,
          pass, gradients)
      }
      let dNarrow = arena.takeZeros(rows * width)
      widthNorm.backward(
        dx: dNarrow, dOut: dStream, x: trace.narrow, rows: rows, weights, gradients)
      let activated = arena.take(rows * middleWidth)
      let dNormed = arena.take(rows * middleWidth)
      GELU.exact.forward(activated, trace.middleNormed, count: rows * middleWidth)
      toWidth.backward(dx: dNormed, dOut: dNarrow, x: activated, rows: rows, weights, gradients)
      GELU.exact.backward(
        dx: dNormed, dOut: dNormed, x: trace.middleNormed, count: rows * middleWidth)
      let dMiddle = arena.takeZeros(rows * middleWidth)
      middleNorm.backward(
        dx: dMiddle, dOut: dNormed, x: trace.middle, rows: rows, weights, gradients)
      toMiddle.backward(
        dx: dProjected, accumulateInput: true, dOut: dMiddle, x: trace.projected, rows: rows,
        weights, gradients)
      preProjection.backward(
        dx: nil, dOut: dProjected, x: states, rows: rows, weights, gradients)
    }
  }
}
