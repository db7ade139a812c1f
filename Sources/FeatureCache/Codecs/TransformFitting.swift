import Foundation
import Numerics

/// Fits the transform codec on states: the basis once, and then tables for any step.
public struct TransformFitting: Sendable {
  /// How a source's output layer reads its states.
  public struct Output: Sendable {
    /// [width, width]: the mean over states of the Fisher metric of the next token's distribution.
    public let fisher: [Double]
    /// [count, width]: the output layer's rows of the likeliest tokens.
    public let rows: [Float]

    public init(fisher: [Double], rows: [Float]) {
      self.fisher = fisher
      self.rows = rows
    }
  }

  private let fittedTokens: Int
  private let basis: TransformBasis
  private let deviations: [Int]
  private let sensitivity: Float
  private let recurring: [[Float]]
  /// [tokens, width]: what tables are counted on.
  private let sample: [Float]

  /// Tokens that tables are counted on, at most.
  private static let counted = 12_288
  /// Texts that a state must begin before the fit keeps it.
  private static let leastRecurrences = 8
  /// A state that is so many times longer than the median is left out of the fit.
  private static let outlier = 8.0

  /// - Parameters:
  ///   - states: [tokens, width], at least `width` tokens.
  ///   - output: `nil` where the states are not what the output layer reads: errors in all directions then
  ///     cost the same.
  public init(
    states: UnsafePointer<Float>, tokens: Int, width: Int, output: Output?
  ) throws(CodecError) {
    fittedTokens = tokens
    recurring = Self.recurring(states, tokens: tokens, width: width)
    let typical = Self.typical(states, tokens: tokens, width: width, besides: recurring)
    guard typical.count > width else {
      throw .badPayload(
        "\(typical.count) tokens are too few to fit \(width) channels on; it takes more than \(width)"
      )
    }
    basis = try Self.basis(
      FloatBuffer(
        typical.flatMap { UnsafeBufferPointer(start: states + $0 * width, count: width) }),
      tokens: typical.count, width: width, output: output)
    let every = max(1, typical.count / Self.counted)
    let places = stride(from: 0, to: typical.count, by: every).prefix(Self.counted)
    sample = places.flatMap {
      UnsafeBufferPointer(start: states + typical[$0] * width, count: width)
    }
    (deviations, sensitivity) = try Self.statistics(basis, sample)
  }

  /// A step to begin a search with.
  public var startingStep: Float {
    if basis.output != nil { return 0.03 }
    let variance = deviations.reduce(0) { $0 + Foundation.exp2(Double($1) / 4) }
    return Float((variance / Double(basis.width)).squareRoot() / 8)
  }

  /// The fit with this step, unmeasured.
  public func fit(step: Float, allowance: Double) throws(CodecError) -> TransformFit {
    var fit = TransformFit(
      allowance: allowance,
      measurement: FitMeasurement(fittedTokens: fittedTokens),
      basis: basis, step: step, deviations: deviations,
      sensitivity: sensitivity, recurring: recurring, tables: TransformTables())
    // Rounding depends on the tables and they on rounding: three rounds are within 0.1% of more.
    for _ in 0..<3 { fit.tables = try count(fit) }
    return fit
  }

  private func count(_ fit: TransformFit) throws(CodecError) -> TransformTables {
    let width = basis.width
    let quantizer = TransformQuantizer(fit)
    var counts = TransformCounts()
    try sample.withUnsafeBufferPointer { states throws(CodecError) in
      guard let states = states.baseAddress else { return }
      for first in stride(from: 0, to: sample.count / width, by: TransformBlock.size) {
        let tokens = min(TransformBlock.size, sample.count / width - first)
        var noted: [(token: Int, y: [Float], step: Int)] = []
        let block = try quantizer.quantize(states + first * width, tokens: tokens) {
          token, y, step in
          noted.append((token, Array(UnsafeBufferPointer(start: y, count: width)), step))
        }
        for (token, y, step) in noted {
          counts.add(header: UInt8(step))
          let unit = 1 / fit.step(step)
          for index in 0..<width {
            counts.add(
              block.q[token * width + index], y: y[index] * unit,
              level: quantizer.levels[step][index])
          }
        }
      }
    }
    return counts.tables()
  }

  /// States that occur often, the most frequent first.
  private static func recurring(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int
  ) -> [[Float]] {
    var places: [[UInt32]: (first: Int, count: Int)] = [:]
    for token in 0..<tokens {
      // Four channels tell states apart that are not the same.
      let key = (0..<min(4, width)).map { states[token * width + $0].bitPattern }
      places[key, default: (token, 0)].count += 1
    }
    return places.values.filter { $0.count >= leastRecurrences }
      .sorted { ($1.count, $0.first) < ($0.count, $1.first) }
      .prefix(TransformFit.mostRecurring)
      .map { Array(UnsafeBufferPointer(start: states + $0.first * width, count: width)) }
  }

  /// The tokens whose states are neither known nor much longer than others.
  private static func typical(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, besides known: [[Float]]
  ) -> [Int] {
    let lengths = (0..<tokens).map { Double(sumOfSquares(width, states + $0 * width)).squareRoot() }
    let limit = outlier * (lengths.sorted().dropFirst(tokens / 2).first ?? 0)
    return (0..<tokens).filter { token in
      lengths[token] <= limit
        && !known.contains { state in
          (0..<width).allSatisfy { state[$0] == states[token * width + $0] }
        }
    }
  }

  /// Eigenvectors of the states' covariance in a metric half-way between plain distance and the output
  /// layer's: as good for the loss as the latter where rounding is by each token's own, and errors are smaller.
  private static func basis(
    _ states: borrowing FloatBuffer, tokens: Int, width n: Int, output: Output?
  ) throws(CodecError) -> TransformBasis {
    let (mean, covariance) = moments(states, tokens: tokens, width: n)
    guard covariance.allSatisfy(\.isFinite) else { throw tooLarge }
    var (toMetric, fromMetric) = (identity(n), identity(n))
    if let output {
      let eigen = SymmetricEigen(output.fisher, size: n)
      let average = eigen.values.reduce(0) { $0 + max($1, 0) } / Double(n)
      guard average > 0, average.isFinite else {
        throw .badPayload("the output layer's metric is nothing")
      }
      // The power 1/2 of the metric, and of that the root.
      let roots = eigen.values.map {
        ((max($0, 0) + 0.01 * average) / average).squareRoot().squareRoot()
      }
      toMetric = symmetric(eigen.vectors, roots, n)
      fromMetric = symmetric(eigen.vectors, roots.map { 1 / $0 }, n)
    }
    let components = SymmetricEigen(
      product(product(toMetric, covariance, n), toMetric, n), size: n
    ).vectors
    // Row i is column i of B.
    var columns = product(components, fromMetric, n)
    var weights = [Double](repeating: 1, count: n)
    if let output {
      let moved = product(columns, output.fisher, n)
      for i in 0..<n {
        weights[i] = (0..<n).reduce(0) { $0 + moved[i * n + $1] * columns[i * n + $1] }
      }
      let average = weights.reduce(0, +) / Double(n)
      let unit = 1 / average.squareRoot()
      for index in columns.indices { columns[index] *= unit }
      for index in weights.indices { weights[index] = max(weights[index] / average, 0) }
    }
    let (codes, scales) = coded(columns.map { Float($0) }, rows: n)
    return TransformBasis(
      mean: mean.map { Float($0) }, codes: codes, scales: scales,
      weights: weights.map { Float($0) },
      output: output.map { rows($0, columns: columns, mean: mean) })
  }

  private static func rows(
    _ output: Output, columns: [Double], mean: [Double]
  ) -> TransformBasis.OutputRows {
    let n = mean.count
    let count = output.rows.count / n
    var values = [Float](repeating: 0, count: count * n)
    matmul(
      &values, output.rows, columns.map { Float($0) }, m: count, k: n, n: n, transposeB: true)
    let offsets = (0..<count).map { row in
      Float((0..<n).reduce(0) { $0 + Double(output.rows[row * n + $1]) * mean[$1] })
    }
    let (codes, scales) = coded(values, rows: count)
    return TransformBasis.OutputRows(
      count: count, codes: codes, scales: scales, offsets: offsets)
  }

  private static func moments(
    _ states: borrowing FloatBuffer, tokens: Int, width n: Int
  ) -> (mean: [Double], covariance: [Double]) {
    var mean = [Double](repeating: 0, count: n)
    for token in 0..<tokens {
      for channel in 0..<n { mean[channel] += Double(states[token * n + channel]) }
    }
    for channel in 0..<n { mean[channel] /= Double(tokens) }
    // Float32 within a part, float64 over the parts.
    let part = 1024
    let centred = FloatBuffer(count: part * n)
    let products = FloatBuffer(count: n * n)
    var covariance = [Double](repeating: 0, count: n * n)
    for first in stride(from: 0, to: tokens, by: part) {
      let count = min(part, tokens - first)
      for token in 0..<count {
        for channel in 0..<n {
          centred[token * n + channel] = Float(
            Double(states[(first + token) * n + channel]) - mean[channel])
        }
      }
      matmul(products.base, centred.base, centred.base, m: n, k: count, n: n, transposeA: true)
      for index in 0..<n * n { covariance[index] += Double(products[index]) }
    }
    for index in 0..<n * n { covariance[index] /= Double(tokens) }
    return (mean, covariance)
  }

  private static func statistics(
    _ basis: TransformBasis, _ sample: [Float]
  ) throws(CodecError) -> (deviations: [Int], sensitivity: Float) {
    let n = basis.width
    let tokens = sample.count / n
    let analyzer = try basis.analyzer()
    var squares = [Double](repeating: 0, count: n)
    var sensitivity = 0.0
    let metrics = LogitMetrics(width: n)
    sample.withUnsafeBufferPointer { states in
      guard let states = states.baseAddress else { return }
      for first in stride(from: 0, to: tokens, by: TransformBlock.size) {
        let count = min(TransformBlock.size, tokens - first)
        let y = FloatBuffer(count: count * n)
        analyzer.coefficients(states + first * n, tokens: count, into: y.base)
        let probabilities = analyzer.probabilities(y.base, tokens: count)
        for token in 0..<count {
          for index in 0..<n {
            let value = Double(y[token * n + index])
            squares[index] += value * value
          }
          analyzer.fill(metrics, 0, probabilities, token: token)
          sensitivity += Double(TransformQuantizer.sensitivity(metrics, 0, width: n))
        }
      }
    }
    guard squares.allSatisfy(\.isFinite), sensitivity.isFinite else { throw tooLarge }
    // A component that never varies has the lowest level there can be.
    let deviations = squares.map { sum in
      let variance = max(sum / Double(tokens), 1e-30)
      return Int((4 * logarithm2(variance)).rounded())
    }
    return (deviations, Float(sensitivity / Double(tokens)))
  }

  /// Of states whose squares float32 can't hold.
  private static let tooLarge = CodecError.badPayload(
    "the states are too large to fit a transform on")

  /// Rows as signed bytes, each in units of its scale.
  private static func coded(_ values: [Float], rows: Int) -> (codes: [Int8], scales: [Float]) {
    let width = values.count / max(rows, 1)
    var codes: [Int8] = []
    codes.reserveCapacity(values.count)
    let scales = (0..<rows).map { row in
      let values = values[row * width..<(row + 1) * width]
      let scale = values.reduce(0) { max($0, abs($1)) } / 127
      codes += values.map { scale > 0 ? Int8(($0 / scale).rounded()) : 0 }
      return scale
    }
    return (codes, scales)
  }

  private static func identity(_ n: Int) -> [Double] {
    (0..<n * n).map { $0 / n == $0 % n ? 1 : 0 }
  }

  /// Vᵀ diag(values) V of eigenvectors in rows.
  private static func symmetric(_ vectors: [Double], _ values: [Double], _ n: Int) -> [Double] {
    var scaled = vectors
    for row in 0..<n { for column in 0..<n { scaled[row * n + column] *= values[row] } }
    var transposed = vectors
    for row in 0..<n {
      for column in 0..<n { transposed[column * n + row] = vectors[row * n + column] }
    }
    return product(transposed, scaled, n)
  }

  /// a b, [n, n] each.
  private static func product(_ a: [Double], _ b: [Double], _ n: Int) -> [Double] {
    var out = [Double](repeating: 0, count: n * n)
    out.withUnsafeMutableBufferPointer { out in
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          for i in 0..<n {
            for k in 0..<n {
              let factor = a[i * n + k]
              for j in 0..<n { out[i * n + j] += factor * b[k * n + j] }
            }
          }
        }
      }
    }
    return out
  }
}
