import Numerics

/// Rows of a regression with their answers, packed once for the two products of every evaluation: with the
/// weights, few and new each time, on the left.
///
/// Shapes: N rows, R coordinates, K classes; X [N, R], W [K, R], scores S [N, K].
///
///     Sᵀ = W Xᵀ + b,   G = strength · (softmax(S) - onehot(answers)),   dW += Gᵀ X,   db += Σ_rows G
// A class, since arrays hold no `~Copyable` values.
final class RegressionBlock: Sendable {
  let answers: [Int32]
  private let classes: Int
  /// X, whose rows are the outputs of W Xᵀ.
  private let rows: PackedMatrix
  /// Xᵀ, whose rows are the outputs of Gᵀ X.
  private let columns: PackedMatrix

  init(_ x: Rows, answers: [Int32], classes: Int) {
    self.answers = answers
    self.classes = classes
    rows = PackedMatrix(weight: x.base, rows: x.count, columns: x.width)
    let turned = FloatBuffer(count: x.elementCount)
    Self.transpose(x, to: Rows(turned.base, count: x.width, width: x.count))
    columns = PackedMatrix(weight: turned.base, rows: x.width, columns: x.count)
  }

  var count: Int { answers.count }

  /// Adds the gradients of the rows' losses times `strength`.
  ///
  /// - Parameter weight: W, packed.
  /// - Returns: the sum of the losses.
  func addLoss(
    _ weight: borrowing PackedRows, bias: UnsafePointer<Float>, strength: Float, dWeight: Rows,
    dBias: UnsafeMutablePointer<Float>
  ) -> Double {
    guard count > 0 else { return 0 }
    let across = FloatBuffer(count: count * classes)
    let down = FloatBuffer(count: count * classes)
    let turned = Rows(across.base, count: classes, width: count)
    let scores = Rows(down.base, count: count, width: classes)
    rows.multiply(turned.base, weight, m: classes)
    for index in 0..<classes {
      let values = turned.row(index)
      for row in 0..<count { values[row] += bias[index] }
    }
    Self.transpose(turned, to: scores)
    let losses = FloatBuffer(count: count)
    softmaxCrossEntropy(
      losses: Rows(losses, width: 1), logits: scores, targets: answers[...],
      gradientScale: strength)
    Self.transpose(scores, to: turned)
    for index in 0..<classes { dBias[index] += sum(count, turned.row(index)) }
    let product = FloatBuffer(count: dWeight.elementCount)
    columns.multiply(product.base, turned.base, m: classes)
    dWeight.add(Rows(product, width: dWeight.width))
    return (0..<count).reduce(0.0) { $0 + Double(losses[$1]) }
  }

  /// - Parameter out: as many rows as `x` has columns.
  private static func transpose(_ x: Rows, to out: Rows) {
    // A cache line of each of `out`'s rows at once.
    parallelRanges(x.count, grain: 16) { range in
      for first in stride(from: range.lowerBound, to: range.upperBound, by: 16) {
        let together = first..<min(first + 16, range.upperBound)
        for column in 0..<x.width {
          let to = out.row(column)
          for row in together { to[row] = x.row(row)[column] }
        }
      }
    }
  }
}
