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

  /// Takes the rows of `spans`, x[T, C], through the blocks `layers` in place:
  ///
  ///     x <- x + W_o attention(W_qkv norm(x) + b)
  ///     x <- x + W_down (silu(W_gate norm(x)) · W_up norm(x))
  ///
  /// The spans cover the rows from the first on, back to back.
  func forward(
    _ x: UnsafeMutablePointer<Float>, spans: [AttentionSpan], layers: Range<Int>
  ) {
    let rows = spans.reduce(0) { $0 + $1.count }
    guard rows > 0 else { return }
    let (sizes, epsilon) = (configuration, configuration.rmsNormEpsilon)
    let attention = GroupedQueryAttention(
      headCount: sizes.headCount, keyValueHeadCount: sizes.keyValueHeadCount,
      headSize: sizes.headSize, spans: spans)
    let angles = RotaryAngles(
      positions: spans.flatMap { $0.start..<$0.start + $0.count }, headSize: sizes.headSize,
      theta: sizes.ropeTheta)
    let inner = sizes.intermediateSize
    let normed = FloatBuffer(count: rows * width)
    let projected = FloatBuffer(count: rows * attention.projectedWidth)
    let attended = FloatBuffer(count: rows * sizes.headCount * sizes.headSize)
    let gateAndUp = FloatBuffer(count: rows * 2 * inner)
    let activated = FloatBuffer(count: rows * inner)

    for index in layers {
      let layer = parameters.layers[index]
      rmsNorm(
        normed.base, x, weight: layer.attentionNorm, rows: rows, width: width, epsilon: epsilon)
      multiply(layer.projection, projected.base, normed.base, rows, bias: layer.projectionBias)
      attention.store(projected.base, angles: angles, layer: index)
      attention.attend(attended.base, projected.base, layer: index)
      layer.output.multiply(normed.base, attended.base, m: rows)
      add(normed.base, to: x, rows: rows)

      rmsNorm(
        normed.base, x, weight: layer.feedForwardNorm, rows: rows, width: width, epsilon: epsilon)
      layer.gateAndUp.multiply(gateAndUp.base, normed.base, m: rows)
      swiGLU(activated.base, gateAndUp: gateAndUp.base, rows: rows, width: inner)
      layer.down.multiply(normed.base, activated.base, m: rows)
      add(normed.base, to: x, rows: rows)
    }
  }

  /// x += branch. The branch is summed on its own first: a chain of additions that starts from a
  /// residual of 25,000, as SmolLM2 has, would lose six times as much to rounding.
  private func add(
    _ branch: UnsafePointer<Float>, to x: UnsafeMutablePointer<Float>, rows: Int
  ) {
    parallelRanges(rows, grain: 1 + 16384 / width) { range in
      let first = range.lowerBound * width
      axpy(range.count * width, 1, branch + first, x + first)
    }
  }

  /// The final norm, in place.
  func normalize(_ x: UnsafeMutablePointer<Float>, rows: Int) {
    rmsNorm(
      x, x, weight: parameters.finalNorm, rows: rows, width: width,
      epsilon: configuration.rmsNormEpsilon)
  }

  private func multiply(
    _ weight: borrowing PackedMatrix, _ out: UnsafeMutablePointer<Float>,
    _ x: UnsafePointer<Float>, _ rows: Int, bias: [Float]?
  ) {
    if let bias {
      weight.multiply(out, x, m: rows, bias: bias)
    } else {
      weight.multiply(out, x, m: rows)
    }
  }
}
