import Layers
import Numerics

// p = P₀ s;  x = LN₄ L₃ GELU LN₁ L₀ p;  twice: x ← x + (g a + (1 - g) x), a read from p;  x + P p
//
// The paper's bridge from the source's states to the generator's input, one vector a token.
// Shapes: R rows (tokens), D the states' width, M = (D + C) / 2, C the generator's width.

struct AlignedBridge: Sendable {
  /// What a forward pass leaves for the backward pass.
  struct Trace {
    /// p, the states' projection, which every layer reads.
    let projected: Rows
    /// L₀ p, and its norm.
    let middle: Rows
    let middleNormed: Rows
    /// L₃'s output, and its norm: the stream's first values.
    let narrow: Rows
    let entry: Rows
    /// Each layer's, and its output.
    let layers: [(trace: EnhancedCrossAttention.Trace, output: Rows)]
  }

  private let preProjection, projection, toMiddle, toWidth: LinearLayer
  private let middleNorm, widthNorm: NormLayer
  let layers: [EnhancedCrossAttention]
  let shape: BridgeShape
  private let sourceWidth, middleWidth: Int

  init(_ layout: inout ParameterLayout, _ shape: BridgeShape, _ settings: BridgeSettings) {
    let (source, middle, width) = (shape.streams[0].width, settings.middleWidth, shape.width)
    (sourceWidth, middleWidth) = (source, middle)
    self.shape = shape
    func linear(_ part: String, _ inputs: Int, _ outputs: Int) -> LinearLayer {
      LinearLayer(
        &layout, "qwen.\(part)", inputs: inputs, outputs: outputs, group: .bridge,
        weight: .linear(inputs: inputs), bias: .linear(inputs: inputs))
    }
    func norm(_ part: String, _ width: Int) -> NormLayer {
      NormLayer(
        &layout, "qwen.\(part)", width: width, .layer(epsilon: shape.epsilon), group: .bridge)
    }
    preProjection = linear("pre_proj", source, source)
    projection = linear("proj", source, width)
    toMiddle = linear("intermediate_layers.0", source, middle)
    middleNorm = norm("intermediate_layers.1", middle)
    toWidth = linear("intermediate_layers.3", middle, width)
    widthNorm = norm("intermediate_layers.4", width)
    layers = (0..<settings.layerCount).map {
      EnhancedCrossAttention(
        &layout, "qwen.cross_attention_layers.\($0)", index: $0, shape,
        mask: settings.mask == .causal ? .causal : .all, mixture: .convex, start: .published)
    }
  }

  func trace(rows: Int, _ arena: Arena) -> Trace {
    Trace(
      projected: arena.rows(rows, sourceWidth), middle: arena.rows(rows, middleWidth),
      middleNormed: arena.rows(rows, middleWidth), narrow: arena.rows(rows, shape.width),
      entry: arena.rows(rows, shape.width),
      layers: layers.map {
        ($0.trace(rows: rows, states: [rows], arena), arena.rows(rows, shape.width))
      })
  }

  /// out [R, C] from states [R, D].
  func forward(_ out: Rows, _ states: Rows, reading: BridgeReading, _ trace: Trace, _ pass: Pass) {
    preProjection.forward(trace.projected, states, pass)
    toMiddle.forward(trace.middle, trace.projected, pass)
    middleNorm.forward(trace.middleNormed, trace.middle, pass)
    pass.arena.scratch {
      let activated = pass.arena.rows(states.count, middleWidth)
      GELU.exact.forward(activated, trace.middleNormed)
      toWidth.forward(trace.narrow, activated, pass)
    }
    widthNorm.forward(trace.entry, trace.narrow, pass)
    var x = trace.entry
    for (index, layer) in layers.enumerated() {
      let part = trace.layers[index]
      layer.remember(reading, layer: index, part.trace, pass)
      layer.forward(part.output, x, reading, layer: index, part.trace, pass)
      x = part.output
    }
    projection.forward(out, trace.projected, pass)
    out.add(x)
  }

  /// `dStream` [R, C] holds the output's gradient; it is overwritten.
  func backward(
    dStream: Rows, _ states: Rows, reading: BridgeReading, _ trace: Trace, _ pass: Pass
  ) {
    let arena = pass.arena
    arena.scratch {
      let rows = states.count
      let dProjected = arena.rows(rows, sourceWidth)
      projection.backward(dx: dProjected, dOut: dStream, x: trace.projected, pass)
      for index in layers.indices.reversed() {
        layers[index].backward(
          dStream: dStream, dStates: dProjected,
          x: index == 0 ? trace.entry : trace.layers[index - 1].output, reading, layer: index,
          trace.layers[index].trace, pass)
      }
      let dNarrow = arena.zeros(rows, shape.width)
      widthNorm.backward(dx: dNarrow, dOut: dStream, x: trace.narrow, pass)
      let activated = arena.rows(rows, middleWidth)
      let dNormed = arena.rows(rows, middleWidth)
      GELU.exact.forward(activated, trace.middleNormed)
      toWidth.backward(dx: dNormed, dOut: dNarrow, x: activated, pass)
      GELU.exact.backward(dx: dNormed, dOut: dNormed, x: trace.middleNormed)
      let dMiddle = arena.zeros(rows, middleWidth)
      middleNorm.backward(dx: dMiddle, dOut: dNormed, x: trace.middle, pass)
      toMiddle.backward(
        dx: dProjected, accumulates: true, dOut: dMiddle, x: trace.projected, pass)
      preProjection.backward(dx: nil, dOut: dProjected, x: states, pass)
    }
  }

  /// Takes the scratch memory that `backward` takes, and gives it back.
  func countBackward(rows: Int, _ arena: Arena) {
    arena.scratch {
      _ = arena.rows(rows, sourceWidth)
      layers.first?.countBackward(rows: rows, states: [rows], arena)
      _ = arena.rows(rows, shape.width)
      for _ in 0..<3 { _ = arena.rows(rows, middleWidth) }
    }
  }

  /// What some rows of one part read in each layer.
  func weights(
    _ reading: BridgeReading, _ trace: Trace, part: Int, rows: Range<Int>
  ) -> [[AttentionWeights]] {
    layers.indices.map {
      layers[$0].weights(reading, layer: $0, trace.layers[$0].trace, part: part, rows: rows)
    }
  }

  func meanGates(_ trace: Trace, rows: Range<Int>) -> [Float] {
    zip(layers, trace.layers).map { $0.meanGate($1.trace, rows: rows) }
  }
}
