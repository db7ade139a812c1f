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
/// enough for ten or twenty evaluations to do; and in blocks, of which a fit leaves one out or none.
package struct SoftmaxRegression: ~Copyable {
  private let blocks: [RegressionBlock]
  private let width: Int
  private let classes: Int
  private let squares: [Double]

  /// - Parameters:
  ///   - rows: X, in blocks one behind the other.
  ///   - squares: the rows' sum of squares along each coordinate.
  ///   - answers: a class for each row.
  package init(
    _ rows: Rows, blocks: [Range<Int>], squares: [Double], answers: [Int32], classes: Int
  ) {
    precondition(rows.width == squares.count && rows.count == answers.count)
    self.blocks = blocks.map {
      RegressionBlock(rows[$0], answers: Array(answers[$0]), classes: classes)
    }
    width = rows.width
    self.squares = squares
    self.classes = classes
  }

  /// A fit, and what is known from it and from those before it about a fit of other strength.
  package struct Fit: Sendable {
    package let parameters: [Float]
    /// Of the stronger penalty's fit that led to this one.
    fileprivate let before: [Float]?
    /// The strength times the rows: in proportion to it the rows' part of the objective grows.
    fileprivate let weight: Double
    fileprivate let memory: LimitedMemoryBFGS.Memory
  }

  /// Weights of zero, and the bias that answers in proportion to what the blocks' answers are.
  package func start(_ fitted: [Int]) -> Fit {
    var counts = [Double](repeating: 0.5, count: classes)
    for answer in fitted.map({ blocks[$0].answers }).joined() { counts[Int(answer)] += 1 }
    return Fit(
      parameters: [Float](repeating: 0, count: classes * width) + counts.map { Float(log($0)) },
      before: nil, weight: 0, memory: LimitedMemoryBFGS.Memory())
  }

  /// How far on, of the way from the penalty before the last one to the last one, this one's weights
  /// begin: from one power of ten to the next they go on much alike.
  private static let stride: Float = 0.5

  /// The parameters that fit the rows of some blocks, from another fit on.
  ///
  /// - Parameter tolerance: how far above its minimum the objective may be, as a part of it.
  package func fit(
    _ fitted: [Int], strength: Double, from start: Fit, tolerance: Double
  ) -> Fit {
    let count = fitted.reduce(0) { $0 + blocks[$1].count }
    let weight = strength * Double(count)
    let search = LimitedMemoryBFGS(metric: metric(count, strength: strength))
    var parameters = start.parameters
    if let before = start.before, weight > 2 * start.weight {
      for index in parameters.indices {
        parameters[index] += Self.stride * (parameters[index] - before[index])
      }
    }
    var memory = start.weight > 0 ? turned(start, weight: weight) : start.memory
    _ = search.minimize(&parameters, &memory, tolerance: tolerance) { parameters, gradient in
      objective(parameters, &gradient, fitted, strength: strength)
    }
    return Fit(
      parameters: parameters, before: start.weight > 0 ? start.parameters : nil, weight: weight,
      memory: memory)
  }

  /// A fit's memory for the objective of another strength: of a change of gradient the penalty's part is the
  /// step itself, and the rest grows with the strength.
  private func turned(_ fit: Fit, weight: Double) -> LimitedMemoryBFGS.Memory {
    let ratio = Float(weight / fit.weight)
    let weights = classes * width
    return fit.memory.turned { step, turn in
      for index in turn.indices {
        let penalty = index < weights ? step[index] : 0
        turn[index] = ratio * (turn[index] - penalty) + penalty
      }
    }
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
        out, rows, weight: Rows(reading: base, count: classes, width: width),
        bias: Rows(reading: base + classes * width, count: 1, width: classes))
    }
  }

  /// The objective over the rows of some blocks, and its gradient.
  private func objective(
    _ parameters: [Float], _ gradient: inout [Float], _ fitted: [Int], strength: Double
  ) -> Double {
    let weights = classes * width
    for index in gradient.indices { gradient[index] = index < weights ? parameters[index] : 0 }
    var sum = 0.0
    parameters.withUnsafeBufferPointer { parameters in
      gradient.withUnsafeMutableBufferPointer { gradient in
        guard let from = parameters.baseAddress, let to = gradient.baseAddress else { return }
        let packed = PackedRows(capacity: classes, depth: width)
        packed.fill(from, rows: classes)
        for block in fitted.map({ blocks[$0] }) {
          sum += block.addLoss(
            packed, bias: from + weights, strength: Float(strength),
            dWeight: Rows(to, count: classes, width: width), dBias: to + weights)
        }
      }
    }
    return strength * sum + Double(sumOfSquares(weights, parameters)) / 2
  }

  /// The inverse of the objective's curvature where all classes are as likely: along coordinate j, for
  /// each class, strength · Σ x_j² (K - 1) / K² + 1.
  private func metric(_ count: Int, strength: Double) -> [Float] {
    let rows = blocks.reduce(0) { $0 + $1.count }
    let share = Double(count) / Double(max(rows, 1))
    let likely = Double(max(classes - 1, 1)) / Double(classes * classes)
    let curvature = strength * share * likely
    let axis = squares.map { Float(1 / (curvature * $0 + 1)) }
    let bias = Float(1 / (curvature * Double(rows)))
    return (0..<classes).flatMap { _ in axis } + [Float](repeating: bias, count: classes)
  }
}
