import FeatureCache
import KnowledgeSource
import Numerics

/// How the source's output layer reads states: the metric that the codec is fitted in.
extension CodecFitting {
  /// Tokens whose distributions the output layer's metric is the mean of.
  private static let metricTokens = 16_384
  /// The likeliest tokens that the metric is made of, and those whose rows the fit keeps.
  private static let (metricRows, keptRows) = (8_192, 2_048)
  /// States whose logits are in memory at a time.
  static let rowsAtOnce = 128

  static func output(
    _ source: DecoderSource, _ states: UnsafePointer<Float>, tokens: Int,
    _ check: () throws -> Void
  ) throws -> TransformFitting.Output {
    let (width, vocabulary) = (source.width, source.vocabularySize)
    let every = max(1, tokens / metricTokens)
    let places = Array(stride(from: 0, to: tokens, by: every).prefix(metricTokens))
    let drawn = FloatBuffer(count: places.count * width)
    for (row, place) in places.enumerated() {
      (drawn.base + row * width).update(from: states + place * width, count: width)
    }
    var shares = [Double](repeating: 0, count: vocabulary)
    try logits(source, drawn.base, rows: places.count, check) { _, row in
      softmax(vocabulary, row)
      for token in 0..<vocabulary { shares[token] += Double(row[token]) }
    }
    let likely = (0..<vocabulary).sorted { (shares[$1], $0) < (shares[$0], $1) }.prefix(metricRows)
    // The layer's columns are its answers to unit vectors.
    let unit = FloatBuffer(count: width * width)
    for channel in 0..<width { unit[channel * width + channel] = 1 }
    let rows = FloatBuffer(count: likely.count * width)
    try logits(source, unit.base, rows: width, check) { channel, column in
      for (row, token) in likely.enumerated() { rows[row * width + channel] = column[token] }
    }
    return TransformFitting.Output(
      fisher: try fisher(drawn.base, tokens: places.count, rows, width: width, check),
      rows: Array(rows.array().prefix(min(keptRows, likely.count) * width)))
  }

  /// Mean over tokens of Wᵀ (diag(p) - p pᵀ) W.
  private static func fisher(
    _ states: UnsafePointer<Float>, tokens: Int, _ rows: borrowing FloatBuffer, width: Int,
    _ check: () throws -> Void
  ) throws -> [Double] {
    let count = rows.count / width
    let p = FloatBuffer(count: rowsAtOnce * count)
    let means = FloatBuffer(count: rowsAtOnce * width)
    let products = FloatBuffer(count: width * width)
    var shares = [Double](repeating: 0, count: count)
    var fisher = [Double](repeating: 0, count: width * width)
    for first in stride(from: 0, to: tokens, by: rowsAtOnce) {
      try check()
      let tokens = min(rowsAtOnce, tokens - first)
      matmul(
        p.base, states + first * width, rows.base, m: tokens, k: width, n: count, transposeB: true)
      for token in 0..<tokens {
        softmax(count, p.base + token * count)
        for row in 0..<count { shares[row] += Double(p[token * count + row]) }
      }
      matmul(means.base, p.base, rows.base, m: tokens, k: count, n: width)
      matmul(
        products.base, means.base, means.base, m: width, k: tokens, n: width, transposeA: true)
      for index in fisher.indices { fisher[index] -= Double(products[index]) }
    }
    let scaled = FloatBuffer(count: rows.count)
    for row in 0..<count {
      let root = Float(shares[row].squareRoot())
      for channel in 0..<width {
        scaled[row * width + channel] = rows[row * width + channel] * root
      }
    }
    matmul(products.base, scaled.base, scaled.base, m: width, k: count, n: width, transposeA: true)
    return fisher.indices.map { (fisher[$0] + Double(products[$0])) / Double(tokens) }
  }

  /// Hands over the logits of every state, [vocabulary], which may be changed.
  private static func logits(
    _ source: DecoderSource, _ states: UnsafePointer<Float>, rows: Int,
    _ check: () throws -> Void, _ use: (Int, UnsafeMutablePointer<Float>) -> Void
  ) throws {
    let vocabulary = source.vocabularySize
    let logits = FloatBuffer(count: min(rowsAtOnce, rows) * vocabulary)
    for first in stride(from: 0, to: rows, by: rowsAtOnce) {
      try check()
      let count = min(rowsAtOnce, rows - first)
      try source.logits(
        fromFinalStates: states + first * source.width, count: count, into: logits.base)
      for row in 0..<count { use(first + row, logits.base + row * vocabulary) }
    }
  }
}
