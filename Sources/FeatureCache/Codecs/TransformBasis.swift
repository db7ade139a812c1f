import Numerics
import Synchronization

/// The linear part of a transform codec. A state h of `width` channels is `mean + B y`, y its coefficients: one
/// a component, in such units that an error of 1 in any of them costs about the same.
final class TransformBasis: Sendable {
  let width: Int
  /// [width]
  let mean: [Float]
  /// [components, channels]: B's columns, each in units of its scale.
  let codes: [Int8]
  /// [components]
  let scales: [Float]
  /// [components]: the cost of a squared error in the mean metric; 1 on average.
  let weights: [Float]
  /// The output layer's rows for the likeliest tokens, of sources whose states are read by it.
  let output: OutputRows?

  /// Rows of the output layer in the basis: the logits of some tokens are `rows y + offsets`.
  struct OutputRows: Equatable, Sendable {
    let count: Int
    /// [count, components], each in units of its row's scale.
    let codes: [Int8]
    /// [count]
    let scales: [Float]
    /// [count]: the logits of the mean.
    let offsets: [Float]
  }

  init(
    mean: [Float], codes: [Int8], scales: [Float], weights: [Float], output: OutputRows?
  ) {
    width = mean.count
    self.mean = mean
    self.codes = codes
    self.scales = scales
    self.weights = weights
    self.output = output
    synthesis = Synthesis(codes: codes, scales: scales, mean: mean)
  }

  private let synthesis: Synthesis
  private let analysis = Mutex<Analysis?>(nil)

  /// states[tokens, width] = mean + B y
  func synthesize(
    _ y: UnsafePointer<Float>, tokens: Int, into states: UnsafeMutablePointer<Float>
  ) {
    synthesis.matrix.multiply(states, y, m: tokens, bias: synthesis.mean.base)
  }

  /// What encoding needs besides: made when it is first asked for. Throws where B has no inverse.
  func analyzer() throws(CodecError) -> Analysis {
    let made = analysis.withLock { made in
      if made == nil { made = Analysis(self) }
      return made
    }
    guard let made else { throw .badPayload("the transform's basis has no inverse") }
    return made
  }

  private final class Synthesis: Sendable {
    let matrix: PackedMatrix
    let mean: FloatBuffer

    init(codes: [Int8], scales: [Float], mean: [Float]) {
      let width = mean.count
      var rows = [Float](repeating: 0, count: width * width)
      for component in 0..<width {
        for channel in 0..<width {
          rows[channel * width + component] =
            Float(codes[component * width + channel]) * scales[component]
        }
      }
      matrix = PackedMatrix(weight: rows, rows: width, columns: width)
      self.mean = FloatBuffer(mean)
    }
  }

  /// From states to coefficients and logits.
  final class Analysis: Sendable {
    private let matrix: PackedMatrix
    private let mean: [Float]
    private let likely: Likely?

    private final class Likely: Sendable {
      let rows: LogitRows
      let matrix: Int8Matrix
      let offsets: FloatBuffer

      init(_ output: OutputRows, width: Int) {
        rows = LogitRows(codes: output.codes, scales: output.scales, width: width)
        matrix = Int8Matrix([
          GroupedCodes(codes: output.codes, scales: output.scales, columns: width)
        ])
        offsets = FloatBuffer(output.offsets)
      }
    }

    fileprivate init?(_ basis: TransformBasis) {
      let width = basis.width
      var columns = [Double](repeating: 0, count: width * width)
      for component in 0..<width {
        for channel in 0..<width {
          // In float32, as synthesis has it.
          columns[channel * width + component] = Double(
            Float(basis.codes[component * width + channel]) * basis.scales[component])
        }
      }
      guard let inverse = matrixInverse(columns, size: width) else { return nil }
      matrix = PackedMatrix(weight: inverse.map { Float($0) }, rows: width, columns: width)
      mean = basis.mean
      likely = basis.output.map { Likely($0, width: width) }
    }

    /// y[tokens, width] of states[tokens, width].
    func coefficients(
      _ states: UnsafePointer<Float>, tokens: Int, into y: UnsafeMutablePointer<Float>
    ) {
      let width = mean.count
      let centred = FloatBuffer(count: tokens * width)
      for token in 0..<tokens {
        for channel in 0..<width {
          centred[token * width + channel] = states[token * width + channel] - mean[channel]
        }
      }
      matrix.multiply(y, centred.base, m: tokens)
    }

    /// The soft-max over the likely tokens, [tokens, count]; `nil` where there are none.
    func probabilities(_ y: UnsafePointer<Float>, tokens: Int) -> FloatBuffer? {
      guard let likely else { return nil }
      let p = FloatBuffer(count: tokens * likely.rows.count)
      // In 8 bits: what is likely is weighed, not stored.
      let rows = Int8Rows(capacity: tokens, depth: mean.count)
      rows.fill(rows: tokens) { range, _ in y + range.lowerBound * mean.count }
      likely.matrix.multiply(p.base, rows, m: tokens, bias: likely.offsets.base)
      for token in 0..<tokens { softmax(likely.rows.count, p.base + token * likely.rows.count) }
      return p
    }

    /// The metric of a token's own logits, from its row of `probabilities`; none without them.
    func fill(
      _ metrics: LogitMetrics, _ index: Int, _ p: borrowing FloatBuffer?, token: Int
    ) {
      switch p {
      case .some(let p):
        guard let likely else { return }
        metrics.fill(index, p.base + token * likely.rows.count, likely.rows)
      case .none: metrics.clear(index)
      }
    }
  }
}
