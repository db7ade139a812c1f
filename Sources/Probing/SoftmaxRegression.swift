import Foundation
import Numerics

// scores = X Wᵀ + b, and the minimum over W and b of
//
//     strength · Σ_rows -log softmax(scores)[answer]  +  ½ |W|²
//
// Shapes: N rows, R coordinates, K classes; X [N, R], W [K, R], b [K]; the parameters are W, then b.

/// Multinomial logistic regression with a penalty on the weights and none on the bias, as scikit-learn's
/// `LogisticRegression` with C = strength.
///
/// Rows come in the coordinates of their principal axes, in which the curvature along each is known well
/// enough for ten or twenty evaluations to do.
package struct SoftmaxRegression: ~Copyable {
  private let rows: Rows
  private let answers: [Int32]
  private let classes: Int
  private let squares: [Double]
  private let scores: FloatBuffer
  private let losses: FloatBuffer

  /// - Parameters:
  ///   - rows: X, which outlive this.
  ///   - squares: the rows' sum of squares along each coordinate.
  ///   - answers: a class for each row.
  package init(_ rows: Rows, squares: [Double], answers: [Int32], classes: Int) {
    precondition(rows.width == squares.count && rows.count == answers.count)
    self.rows = rows
    self.squares = squares
    self.answers = answers
    self.classes = classes
    scores = FloatBuffer(count: rows.count * classes)
    losses = FloatBuffer(count: rows.count)
  }

  /// Weights of zero, and the bias that answers in proportion to what the rows' answers are.
  package func start(_ pieces: [Range<Int>]) -> [Float] {
    var counts = [Double](repeating: 0.5, count: classes)
    for row in pieces.joined() { counts[Int(answers[row])] += 1 }
    return [Float](repeating: 0, count: classes * rows.width)
      + counts.map { Float(log($0)) }
  }

  /// The parameters that fit the rows of `pieces`, from `start` on.
  ///
  /// - Parameter tolerance: how far above its minimum the objective may be, as a part of it.
  package func fit(
    _ pieces: [Range<Int>], strength: Double, from start: [Float], tolerance: Double
  ) -> [Float] {
    let search = LimitedMemoryBFGS(metric: metric(pieces, strength: strength))
    var parameters = start
    _ = search.minimize(&parameters, tolerance: tolerance) { parameters, gradient in
      objective(parameters, &gradient, pieces, strength: strength)
    }
    return parameters
  }

  /// The class of the highest score for some rows of these coordinates; the first of equal ones.
  package func answers(_ parameters: [Float], _ rows: Rows) -> [Int32] {
    let scores = FloatBuffer(count: rows.count * classes)
    let out = Rows(scores, width: classes)
    score(out, rows, parameters)
    return (0..<rows.count).map { row in
      let scores = out.row(row)
      var best = 0
      for index in 1..<classes where scores[index] > scores[best] { best = index }
      return Int32(best)
    }
  }

  /// Writes the scores [N, K] of rows of these coordinates.
  package func score(_ out: Rows, _ rows: Rows, _ parameters: [Float]) {
    parameters.withUnsafeBufferPointer { parameters in
      guard let base = parameters.baseAddress else { return }
      linear(
        out, rows, weight: Rows(reading: base, count: classes, width: rows.width),
        bias: Rows(reading: base + classes * rows.width, count: 1, width: classes))
    }
  }

  /// The objective over the rows of `pieces`, and its gradient.
  private func objective(
    _ parameters: [Float], _ gradient: inout [Float], _ pieces: [Range<Int>], strength: Double
  ) -> Double {
    let weights = classes * rows.width
    for index in gradient.indices { gradient[index] = index < weights ? parameters[index] : 0 }
    var sum = 0.0
    gradient.withUnsafeMutableBufferPointer { gradient in
      guard let base = gradient.baseAddress else { return }
      let dWeight = Rows(base, count: classes, width: rows.width)
      let dBias = Rows(base + weights, count: 1, width: classes)
      for piece in pieces where !piece.isEmpty {
        let x = rows[piece]
        let logits = Rows(scores.base, count: x.count, width: classes)
        let losses = Rows(losses.base, count: x.count, width: 1)
        score(logits, x, parameters)
        softmaxCrossEntropy(
          losses: losses, logits: logits, targets: answers[piece], gradientScale: Float(strength))
        for row in 0..<x.count { sum += Double(losses.base[row]) }
        // Without dx, of the weight only its shape is asked.
        linearBackward(
          dx: nil, dWeight: dWeight, dBias: dBias, dOut: logits, x: x, weight: dWeight)
      }
    }
    return strength * sum + Double(sumOfSquares(weights, parameters)) / 2
  }

  /// The inverse of the objective's curvature where all classes are as likely: along coordinate j, for
  /// each class, strength · Σ x_j² (K - 1) / K² + 1.
  private func metric(_ pieces: [Range<Int>], strength: Double) -> [Float] {
    let share =
      Double(pieces.reduce(0) { $0 + $1.count }) / Double(max(rows.count, 1))
    let likely = Double(max(classes - 1, 1)) / Double(classes * classes)
    let curvature = strength * share * likely
    let axis = squares.map { Float(1 / (curvature * $0 + 1)) }
    let bias = Float(1 / (curvature * Double(rows.count)))
    return (0..<classes).flatMap { _ in axis } + [Float](repeating: bias, count: classes)
  }
}
