import ModelFiles
import Numerics

// m = x + O attention(LN₁ x),  y = m + W₂ GELU(W₁ LN₂ m + b₁) + b₂
//
// Attention is causal, over all earlier positions or the last `window`, and its scores are not
// scaled; query, key and value have no bias. GELU is the tanh one.
// Shapes: R rows (the tokens of all sequences, one after another), C width, F feed-forward width.

/// One layer of GPT-Neo.
struct GPTNeoBlock: Sendable {
  /// What a forward pass leaves for the backward pass. `keys` and `values` hold every row that
  /// segments name: a batch's own, or a cache that the pass adds rows to.
  struct Trace {
    let keys: UnsafeMutablePointer<Float>
    let values: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    let context: UnsafeMutablePointer<Float>
    let middle: UnsafeMutablePointer<Float>
    let hidden: UnsafeMutablePointer<Float>
  }

  private let norm1, norm2: NormLayer
  private let key, value, query, output, expand, contract: LinearLayer
  private let attention: MultiHeadAttention
  private let width: Int
  private let intermediateWidth: Int
  /// The layer's dropout places: self-attention, attention's output, feed-forward's output.
  private let site: Int

  init(
    _ layout: inout ParameterLayout, _ name: String, index: Int, _ shape: GeneratorConfiguration
  ) {
    width = shape.width
    intermediateWidth = shape.intermediateWidth
    site = DropoutSites.block(index)
    let (width, inner) = (shape.width, shape.intermediateWidth)
    func norm(_ part: String) -> NormLayer {
      NormLayer(
        &layout, "\(name).\(part)", width: width, epsilon: shape.layerNormEpsilon,
        group: .generator)
    }
    func linear(_ part: String, _ inputs: Int, _ outputs: Int, bias: Bool = true) -> LinearLayer {
      LinearLayer(
        &layout, "\(name).\(part)", inputs: inputs, outputs: outputs, group: .generator,
        weight: .gptNeo, bias: bias ? .constant(0) : nil)
    }
    norm1 = norm("ln_1")
    key = linear("attn.attention.k_proj", width, width, bias: false)
    value = linear("attn.attention.v_proj", width, width, bias: false)
    query = linear("attn.attention.q_proj", width, width, bias: false)
    output = linear("attn.attention.out_proj", width, width)
    norm2 = norm("ln_2")
    expand = linear("mlp.c_fc", width, inner)
    contract = linear("mlp.c_proj", inner, width)
    attention = MultiHeadAttention(
      heads: AttentionHeads(count: shape.headCount, size: width / shape.headCount, scale: 1),
      mask: shape.attentionKinds[index] == .local ? .window(shape.windowSize) : .causal)
  }

  /// Memory for a pass of `rows` whose keys and values are its own.
  func trace(rows: Int, _ arena: Arena) -> Trace {
    trace(rows: rows, arena, keys: arena.take(rows * width), values: arena.take(rows * width))
  }

  /// Memory for a pass of `rows` that adds to cached keys and values.
  func trace(
    rows: Int, _ arena: Arena, keys: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>
  ) -> Trace {
    Trace(
      keys: keys, values: values, queries: arena.take(rows * width),
      context: arena.take(rows * width), middle: arena.take(rows * width),
      hidden: arena.take(rows * intermediateWidth))
  }

  /// out [R, C] from x [R, C]. `cachedRows` rows of keys and values are there already.
  func forward(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int,
    segments: [AttentionSegment], cachedRows: Int = 0, _ trace: Trace, _ pass: Pass
  ) {
    let (weights, arena) = (pass.weights, pass.arena)
    arena.scratch {
      let normed = arena.take(rows * width)
      norm1.forward(normed, x, rows: rows, weights)
      query.forward(trace.queries, normed, rows: rows, weights)
      key.forward(trace.keys + cachedRows * width, normed, rows: rows, weights)
      value.forward(trace.values + cachedRows * width, normed, rows: rows, weights)
      attention.forward(
        trace.context, queries: trace.queries, keys: trace.keys, values: trace.values,
        segments: segments, dropout: pass.dropout(\.selfAttention, site: site))
      output.forward(trace.middle, trace.context, rows: rows, weights)
      pass.dropout(\.residual, site: site + 1)?.apply(trace.middle, rows: rows, width: width)
      add(x, to: trace.middle, count: rows * width)

      norm2.forward(normed, trace.middle, rows: rows, weights)
      expand.forward(trace.hidden, normed, rows: rows, weights)
      let activated = arena.take(rows * intermediateWidth)
      GELU.tanh.forward(activated, trace.hidden, count: rows * intermediateWidth)
      contract.forward(out, activated, rows: rows, weights)
      pass.dropout(\.residual, site: site + 2)?.apply(out, rows: rows, width: width)
      add(trace.middle, to: out, count: rows * width)
    }
  }

  /// `dStream` [R, C] holds the output's gradient and becomes the input's.
  func backward(
    dStream: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, rows: Int,
    segments: [AttentionSegment], _ trace: Trace, _ pass: Pass,
    _ gradients: UnsafeMutablePointer<Float>
  ) {
    let (weights, arena) = (pass.weights, pass.arena)
    arena.scratch {
      let normed = arena.take(rows * width)
      let dNormed = arena.take(rows * width)
      arena.scratch {
        let activated = arena.take(rows * intermediateWidth)
        let dHidden = arena.take(rows * intermediateWidth)
        let dBranch = branch(of: dStream, rows: rows, site: site + 2, pass)
        GELU.tanh.forward(activated, trace.hidden, count: rows * intermediateWidth)
        contract.backward(
          dx: dHidden, dOut: dBranch, x: activated, rows: rows, weights, gradients)
        GELU.tanh.backward(
          dx: dHidden, dOut: dHidden, x: trace.hidden, count: rows * intermediateWidth)
        norm2.forward(normed, trace.middle, rows: rows, weights)
        expand.backward(dx: dNormed, dOut: dHidden, x: normed, rows: rows, weights, gradients)
        norm2.backward(dx: dStream, dOut: dNormed, x: trace.middle, rows: rows, weights, gradients)
      }
      let dContext = arena.take(rows * width)
      let dQueries = arena.take(rows * width)
      let dKeys = arena.take(rows * width)
      let dValues = arena.take(rows * width)
      let dBranch = branch(of: dStream, rows: rows, site: site + 1, pass)
      output.backward(dx: dContext, dOut: dBranch, x: trace.context, rows: rows, weights, gradients)
      attention.backward(
        dQueries: dQueries, dKeys: dKeys, dValues: dValues, dOut: dContext,
        queries: trace.queries, keys: trace.keys, values: trace.values, segments: segments,
        dropout: pass.dropout(\.selfAttention, site: site))
      norm1.forward(normed, x, rows: rows, weights)
      query.backward(dx: dNormed, dOut: dQueries, x: normed, rows: rows, weights, gradients)
      key.backward(
        dx: dNormed, accumulateInput: true, dOut: dKeys, x: normed, rows: rows, weights, gradients)
      value.backward(
        dx: dNormed, accumulateInput: true, dOut: dValues, x: normed, rows: rows, weights,
        gradients)
      norm1.backward(dx: dStream, dOut: dNormed, x: x, rows: rows, weights, gradients)
    }
  }

  /// The gradient of what a block added to the stream: the stream's own, or what dropout leaves.
  private func branch(
    of dStream: UnsafeMutablePointer<Float>, rows: Int, site: Int, _ pass: Pass
  ) -> UnsafePointer<Float> {
    guard let dropout = pass.dropout(\.residual, site: site) else { return UnsafePointer(dStream) }
    let copy = pass.arena.take(rows * width)
    copy.update(from: dStream, count: rows * width)
    dropout.apply(copy, rows: rows, width: width)
    return UnsafePointer(copy)
  }
}

/// y += x
func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
  parallelRanges(count, grain: 8192) { range in
    axpy(range.count, 1, x + range.lowerBound, y + range.lowerBound)
  }
}
