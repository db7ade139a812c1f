import ModelFiles
import Numerics

// The forward pass. T rows, C width, H heads of size D, G key-value heads, I inner width.
extension KnowledgeSource {
  /// How the keys and values of `capacity` positions of one layer lie in memory.
  func keyValuePanels(capacity: Int) -> KeyValuePanels {
    KeyValuePanels(
      headCount: configuration.keyValueHeadCount, headSize: configuration.headSize,
      capacity: capacity)
  }

  /// x[t] = the embedding of the t-th id. The ids are within the vocabulary.
  func embed(_ ids: some Sequence<Int32>, into x: UnsafeMutablePointer<Float>) {
    for (row, id) in ids.enumerated() {
      parameters.tokens.copyRow(Int(id), to: x + row * width)
    }
  }

  /// Takes the rows of `spans`, x[T, C], through the blocks `layers` in place. The spans cover the
  /// rows from the first on, back to back.
  func forward(
    _ x: UnsafeMutablePointer<Float>, spans: [AttentionSpan], layers: Range<Int>
  ) {
    forward(
      x, spans: spans, layers: layers.map { ($0, parameters.layers[$0]) }, precision: precision)
  }

  /// The same through blocks given with their indices, of another precision maybe.
  func forward(
    _ x: UnsafeMutablePointer<Float>, spans: [AttentionSpan],
    layers: [(index: Int, weights: SourceParameters.Layer)], precision: Precision
  ) {
    let rows = spans.reduce(0) { $0 + $1.count }
    guard rows > 0, !layers.isEmpty else { return }
    let attention = GroupedQueryAttention(
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headSize: configuration.headSize, spans: spans)
    let angles = RotaryAngles(
      positions: spans.flatMap { $0.start..<$0.start + $0.count },
      headSize: configuration.headSize, theta: configuration.ropeTheta)
    let activations = Activations(configuration, attention, rows: rows, precision)
    for (place, layer) in layers.enumerated() {
      attend(
        x, rows: rows, layer.weights, layer.index, attention, angles, activations,
        adding: place > 0)
      feedForward(x, rows: rows, layer.weights, activations)
    }
    add(activations.branch.base, to: x, rows: rows)
  }

  /// branch <- W_o attention(W_qkv norm(x) + b), after x += branch where one is left to add.
  private func attend(
    _ x: UnsafeMutablePointer<Float>, rows: Int, _ layer: SourceParameters.Layer, _ index: Int,
    _ attention: GroupedQueryAttention, _ angles: borrowing RotaryAngles,
    _ activations: borrowing Activations, adding: Bool
  ) {
    let (branch, projected) = (activations.branch.base, activations.projected.base)
    activations.attending.fill(
      normOf: x, adding: adding ? branch : nil, rows: rows, norm(layer.attentionNorm))
    layer.projection.multiply(
      projected, activations.attending, m: rows,
      bias: layer.projectionBias.count > 0 ? layer.projectionBias.base : nil)
    attention.store(projected, angles: angles, layer: index)
    attention.attend(activations.attended.base, projected, layer: index)
    activations.heads.fill(activations.attended.base, rows: rows)
    layer.output.multiply(branch, activations.heads, m: rows)
  }

  /// branch <- W_down (silu(W_gate norm(x)) · W_up norm(x)), after x += branch.
  private func feedForward(
    _ x: UnsafeMutablePointer<Float>, rows: Int, _ layer: SourceParameters.Layer,
    _ activations: borrowing Activations
  ) {
    let inner = activations.inner.base
    for first in stride(from: 0, to: rows, by: Activations.innerRows) {
      let count = min(Activations.innerRows, rows - first)
      let branch = activations.branch.base + first * width
      activations.normed.fill(
        normOf: x + first * width, adding: branch, rows: count, norm(layer.feedForwardNorm))
      layer.gateAndUp.multiplyGated(
        inner, activations.normed, m: count, width: configuration.intermediateSize)
      activations.gated.fill(inner, rows: count)
      layer.down.multiply(branch, activations.gated, m: count)
    }
  }

  /// The final norm, in place.
  func normalize(_ x: UnsafeMutablePointer<Float>, rows: Int) {
    rmsNorm(x, rows: rows, norm(parameters.finalNorm))
  }

  private func norm(_ weight: borrowing FloatBuffer) -> RMSNorm {
    RMSNorm(weight: weight.base, width: width, epsilon: configuration.rmsNormEpsilon)
  }

  private func add(
    _ branch: UnsafePointer<Float>, to x: UnsafeMutablePointer<Float>, rows: Int
  ) {
    parallelRanges(rows, grain: 1 + 16384 / width) { range in
      let first = range.lowerBound * width
      axpy(range.count * width, 1, branch + first, x + first)
    }
  }
}

/// What a pass computes on the way, one block at a time.
private struct Activations: ~Copyable {
  /// Rows that go through a feed-forward block together: its inner width is several times the rest.
  static let innerRows = 512

  /// In 8 bits, the inputs of the attention's projections and of the down projection have two terms:
  /// with one, SmolLM2's states are off by 2.8% instead of 1.7%. `Tests/Benchmarks/tried.md` has more.
  private static let terms = 2

  /// [T, C]: the normed input of attention.
  let attending: ProductInput
  /// [at most `innerRows`, C]: that of the feed-forward half.
  let normed: ProductInput
  /// [T, C]: what a half of a block adds to x. It is added when the next half begins.
  let branch: FloatBuffer
  /// [T, (H + 2G) D]
  let projected: FloatBuffer
  /// [T, H D], as attention writes it and as the product reads it.
  let attended: FloatBuffer
  let heads: ProductInput
  /// [at most `innerRows`, I]: silu(gate) · up, as it is computed and as the product reads it.
  let inner: FloatBuffer
  let gated: ProductInput

  init(
    _ sizes: TransformerConfiguration, _ attention: GroupedQueryAttention, rows: Int,
    _ precision: Precision
  ) {
    let innerRows = min(rows, Self.innerRows)
    let headWidth = sizes.headCount * sizes.headSize
    attending = ProductInput(
      precision, capacity: rows, depth: sizes.hiddenSize, terms: Self.terms)
    normed = ProductInput(precision, capacity: innerRows, depth: sizes.hiddenSize)
    branch = FloatBuffer(count: rows * sizes.hiddenSize)
    projected = FloatBuffer(count: rows * attention.projectedWidth)
    attended = FloatBuffer(count: rows * headWidth)
    heads = ProductInput(precision, capacity: rows, depth: headWidth)
    inner = FloatBuffer(count: innerRows * sizes.intermediateSize)
    gated = ProductInput(
      precision, capacity: innerRows, depth: sizes.intermediateSize, terms: Self.terms)
  }
}
