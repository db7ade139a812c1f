import Numerics

// logits = LN(x) Wᵀ at chosen rows, and the loss over them
//
// Shapes: L chosen rows, C width, V vocabulary. With V far above C the head is most of the work, and
// [L, V] may not fit in memory: logits exist for a block of rows at a time.

/// The last norm and the projection to the vocabulary.
struct OutputHead: Sendable {
  let norm: NormLayer
  let projection: LinearLayer

  /// Logits in memory at once, unless a single block of the smallest size has more.
  private static let mostLogits = 8 << 20
  private static let fewestRows = 16

  var vocabulary: Int { projection.outputs }

  /// logits [count, V] of `count` rows of x, from `first` on.
  func logits(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, first: Int, count: Int,
    _ pass: Pass
  ) {
    pass.arena.scratch {
      let normed = pass.arena.take(count * norm.width)
      norm.forward(normed, x + first * norm.width, rows: count, pass.weights)
      projection.forward(out, normed, rows: count, pass.weights)
    }
  }

  /// The summed loss of predicting `targets` from `rows` of x, in nats. With `dStream` [R, C], whose
  /// contents are replaced, also the gradients of that sum times `scale`.
  func loss(
    _ x: UnsafePointer<Float>, rowCount: Int, rows: [Int32], targets: [Int32],
    dStream: UnsafeMutablePointer<Float>?, scale: Float, _ pass: Pass
  ) -> Double {
    let (width, weights, arena) = (norm.width, pass.weights, pass.arena)
    let count = rows.count
    return arena.scratch {
      let chosen = arena.take(count * width)
      let normed = arena.take(count * width)
      gatherRows(chosen, x, rows: rows, width: width)
      norm.forward(normed, chosen, rows: count, weights)
      let losses = arena.take(count)
      guard let dStream, let gradients = pass.gradients else {
        forEachBlock(count, pass) { block, logits in
          projection.forward(logits, normed + block.lowerBound * width, rows: block.count, weights)
          targets.withUnsafeBufferPointer { targets in
            guard let base = targets.baseAddress else { return }
            softmaxCrossEntropy(
              losses: losses + block.lowerBound, logits: logits,
              targets: base + block.lowerBound, rows: block.count, vocabulary: vocabulary)
          }
        }
        return total(losses, count)
      }
      let dNormed = arena.take(count * width)
      forEachBlock(count, pass) { block, logits in
        let place = block.lowerBound * width
        projection.forward(logits, normed + place, rows: block.count, weights)
        targets.withUnsafeBufferPointer { targets in
          guard let base = targets.baseAddress else { return }
          softmaxCrossEntropyWithGradient(
            losses: losses + block.lowerBound, logits: logits, targets: base + block.lowerBound,
            rows: block.count, vocabulary: vocabulary, scale: scale)
        }
        projection.backward(
          dx: dNormed + place, dOut: logits, x: normed + place, rows: block.count, weights,
          gradients)
      }
      let dChosen = arena.takeZeros(count * width)
      norm.backward(dx: dChosen, dOut: dNormed, x: chosen, rows: count, weights, gradients)
      dStream.update(repeating: 0, count: rowCount * width)
      embeddingBackward(dTable: dStream, indices: rows, dx: dChosen, width: width)
      return total(losses, count)
    }
  }

  private func forEachBlock(
    _ count: Int, _ pass: Pass, _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let blockRows = min(count, max(Self.fewestRows, Self.mostLogits / vocabulary))
    let logits = pass.arena.take(blockRows * vocabulary)
    for first in stride(from: 0, to: count, by: max(blockRows, 1)) {
      body(first..<min(first + blockRows, count), logits)
    }
  }

  private func total(_ losses: UnsafePointer<Float>, _ count: Int) -> Double {
    (0..<count).reduce(0) { $0 + Double(losses[$1]) }
  }
}
