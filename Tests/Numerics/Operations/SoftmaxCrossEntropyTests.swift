import Foundation
import Numerics
import Testing

@Suite struct SoftmaxCrossEntropyTests {
  let rows = 4, vocabulary = 23
  let targets: [Int32] = [0, 22, 7, 7]

  @Test func lossesAgreeWithDoublePrecision() {
    let z = random(rows * vocabulary, seed: 1)
    for i in 0..<z.count { z[i] *= 20 }
    let logits = z.array().map(Double.init)
    let losses = FloatBuffer(count: rows)
    softmaxCrossEntropy(
      losses: Rows(losses, width: 1), logits: Rows(z, width: vocabulary), targets: targets[...])
    for row in 0..<rows {
      let values = logits[row * vocabulary..<(row + 1) * vocabulary]
      let top = values.max() ?? 0
      let total = top + log(values.reduce(0) { $0 + Foundation.exp($1 - top) })
      // Rounding of a logarithm of order 40.
      #expect(
        abs(Double(losses[row]) - (total - values[row * vocabulary + Int(targets[row])])) < 1e-5)
    }
  }

  @Test func gradients() {
    let z = random(rows * vocabulary, seed: 2)
    let losses = FloatBuffer(count: rows)
    let dz = FloatBuffer(z.array())
    softmaxCrossEntropy(
      losses: Rows(losses, width: 1), logits: Rows(dz, width: vocabulary), targets: targets[...],
      gradientScale: 0.25)
    checkGradient("dz", z, dz.array()) {
      let logits = FloatBuffer(z.array())
      softmaxCrossEntropy(
        losses: Rows(losses, width: 1), logits: Rows(logits, width: vocabulary),
        targets: targets[...])
      return losses.array().reduce(0.0) { $0 + 0.25 * Double($1) }
    }
  }
}
