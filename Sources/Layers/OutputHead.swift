import Numerics

// logits = cap(norm(x) Wᵀ) at chosen rows, and the loss over them; cap is none as a rule
//
// Shapes: L chosen rows, C width, V vocabulary. With V far above C the head is most of the work, and
// [L, V] may not fit in memory: logits exist for a block of rows at a time.

/// The last norm and the projection to the vocabulary.
public struct OutputHead: Sendable {
  let norm: NormLayer
  let projection: LinearLayer
  private let softCap: SoftCap?

  public init(norm: NormLayer, projection: LinearLayer, softCap: SoftCap? = nil) {
    self.norm = norm
    self.projection = projection
    self.softCap = softCap
  }

  /// Logits in memory at once, unless a single block of the smallest size has more.
  private static let mostLogits = 8 << 20
  private static let fewestRows = 16

  public var vocabulary: Int { projection.outputs }

  /// logits [rows, V] of rows of x.
  public func logits(_ out: Rows, _ x: Rows, _ pass: Pass) {
    pass.arena.scratch {
      let normed = pass.arena.rows(x.count, x.width)
      norm.forward(normed, x, pass)
      projection.forward(out, normed, pass)
      softCap?.forward(out)
    }
  }

  /// The summed loss of predicting `targets` from `rows` of x, in nats. With `dStream` [R, C], whose
  /// contents are replaced, also the gradients of that sum times `scale`.
  public func loss(
    _ x: Rows, rows: [Int32], targets: [Int32], dStream: Rows?, scale: Float, _ pass: Pass
  ) -> Double {
    let arena = pass.arena
    return arena.scratch {
      let chosen = arena.rows(rows.count, x.width)
      let normed = arena.rows(rows.count, x.width)
      gatherRows(chosen, x, indices: rows)
      norm.forward(normed, chosen, pass)
      let losses = arena.rows(rows.count, 1)
      let isTrained = dStream != nil && pass.gradients != nil
      let dNormed = arena.rows(isTrained ? rows.count : 0, x.width)
      forEachBlock(rows.count, pass) { block, logits in
        projection.forward(logits, normed[block], pass)
        arena.scratch {
          softCap?.forward(logits)
          // The loss leaves gradients in the logits' place.
          let capped = softCap.map { _ in arena.rows(logits.count, logits.width) }
          capped?.update(from: logits)
          softmaxCrossEntropy(
            losses: losses[block], logits: logits, targets: targets[block],
            gradientScale: isTrained ? scale : nil)
          guard isTrained else { return }
          if let capped { softCap?.backward(logits, y: capped) }
          projection.backward(dx: dNormed[block], dOut: logits, x: normed[block], pass)
        }
      }
      if let dStream, isTrained {
        let dChosen = arena.zeros(rows.count, x.width)
        norm.backward(dx: dChosen, dOut: dNormed, x: chosen, pass)
        dStream.fill(0)
        scatterAddRows(dStream, dChosen, indices: rows)
      }
      return (0..<rows.count).reduce(0) { $0 + Double(losses.base[$1]) }
    }
  }

  /// Takes the memory that `loss` with its gradients takes, and gives it back.
  public func countLoss(rows: Int, width: Int, _ arena: Arena) {
    arena.scratch {
      for _ in 0..<3 { _ = arena.rows(rows, width) }
      _ = arena.rows(rows, 1)
      arena.scratch {
        for _ in 0..<(softCap == nil ? 1 : 2) { _ = logits(of: rows, arena) }
      }
      arena.scratch { _ = arena.rows(rows, width) }
    }
  }

  /// Memory for a block's logits.
  private func logits(of count: Int, _ arena: Arena) -> Rows {
    arena.rows(min(count, max(Self.fewestRows, Self.mostLogits / vocabulary)), vocabulary)
  }

  private func forEachBlock(_ count: Int, _ pass: Pass, _ body: (Range<Int>, Rows) -> Void) {
    pass.arena.scratch { forEachBlock(count, logits(of: count, pass.arena), body) }
  }

  private func forEachBlock(_ count: Int, _ logits: Rows, _ body: (Range<Int>, Rows) -> Void) {
    let blockRows = logits.count
    for first in stride(from: 0, to: count, by: max(blockRows, 1)) {
      let block = first..<min(first + blockRows, count)
      body(block, logits[0..<block.count])
    }
  }
}
