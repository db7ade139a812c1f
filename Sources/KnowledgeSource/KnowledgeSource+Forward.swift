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
    let rows = spans.reduce(0) { $0 + $1.count }
    guard rows > 0 else { return }
    let attention = GroupedQueryAttention(
      headCount: configuration.headCount, keyValueHeadCount: configuration.keyValueHeadCount,
      headSize: configuration.headSize, spans: spans)
    let angles = RotaryAngles(
      positions: spans.flatMap { $0.start..<$0.start + $0.count },
      headSize: configuration.headSize, theta: configuration.ropeTheta)
    let activations = Activations(configuration, attention, rows: rows)
    for index in layers {
      attend(x, rows: rows, index, attention, angles, activations)
      for first in stride(from: 0, to: rows, by: Activations.innerRows) {
        feedForward(
          x + first * width, rows: min(Activations.innerRows, rows - first), index, activations)
      }
    }
  }

  /// x <- x + W_o attention(W_qkv norm(x) + b)
  private func attend(
    _ x: UnsafeMutablePointer<Float>, rows: Int, _ index: Int, _ attention: GroupedQueryAttention,
    _ angles: borrowing RotaryAngles, _ activations: borrowing Activations
  ) {
    let layer = parameters.layers[index]
    let (normed, projected) = (activations.normed.base, activations.projected.base)
    normalize(normed, x, rows: rows, weight: layer.attentionNorm)
    layer.projection.multiply(projected, normed, m: rows, bias: layer.projectionBias)
    attention.store(projected, angles: angles, layer: index)
    attention.attend(activations.attended.base, projected, layer: index)
    layer.output.multiply(normed, activations.attended.base, m: rows)
    add(normed, to: x, rows: rows)
  }

  /// x <- x + W_down (silu(W_gate norm(x)) · W_up norm(x))
  private func feedForward(
    _ x: UnsafeMutablePointer<Float>, rows: Int, _ index: Int,
    _ activations: borrowing Activations
  ) {
    let layer = parameters.layers[index]
    let (normed, gateAndUp) = (activations.normed.base, activations.gateAndUp.base)
    normalize(normed, x, rows: rows, weight: layer.feedForwardNorm)
    layer.gateAndUp.multiply(gateAndUp, normed, m: rows)
    swiGLU(
      activations.gated.base, gateAndUp: gateAndUp, rows: rows,
      width: configuration.intermediateSize)
    layer.down.multiply(normed, activations.gated.base, m: rows)
    add(normed, to: x, rows: rows)
  }

  /// The final norm, in place.
  func normalize(_ x: UnsafeMutablePointer<Float>, rows: Int) {
    normalize(x, x, rows: rows, weight: parameters.finalNorm)
  }

  private func normalize(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, weight: [Float]
  ) {
    rmsNorm(
      out, x, weight: weight, rows: rows, width: width, epsilon: configuration.rmsNormEpsilon)
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
}

/// What a pass computes on the way, one block at a time.
private struct Activations: ~Copyable {
  /// Rows that go through a feed-forward block together: its inner width is several times the rest.
  static let innerRows = 512

  /// [T, C]: a block's normed input, then its branch's output.
  let normed: FloatBuffer
  /// [T, (H + 2G) D]
  let projected: FloatBuffer
  /// [T, H D]
  let attended: FloatBuffer
  /// [at most `innerRows`, 2I]
  let gateAndUp: FloatBuffer
  /// [at most `innerRows`, I]
  let gated: FloatBuffer

  init(_ sizes: TransformerConfiguration, _ attention: GroupedQueryAttention, rows: Int) {
    let innerRows = min(rows, Self.innerRows)
    normed = FloatBuffer(count: rows * sizes.hiddenSize)
    projected = FloatBuffer(count: rows * attention.projectedWidth)
    attended = FloatBuffer(count: rows * sizes.headCount * sizes.headSize)
    gateAndUp = FloatBuffer(count: innerRows * 2 * sizes.intermediateSize)
    gated = FloatBuffer(count: innerRows * sizes.intermediateSize)
  }
}

extension PackedMatrix {
  /// out[m, rows] = x[m, columns] · Wᵀ + bias, without a bias where there is none.
  fileprivate borrowing func multiply(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, m: Int, bias: [Float]?
  ) {
    if let bias {
      bias.withUnsafeBufferPointer { multiply(out, x, m: m, bias: $0.baseAddress) }
    } else {
      multiply(out, x, m: m)
    }
  }
}
