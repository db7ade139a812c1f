// loss = log Σ_v exp(z_v) - z_target, the negative log-likelihood of the target
//
// Shapes: R rows, V vocabulary; z [R, V], targets [R], losses [R, 1].
// Backward: dz = softmax(z) - onehot(target), scaled.

/// losses[r] = -log softmax(logits[r])[targets[r]], in nats, with `logits` overwritten: by their gradients
/// (softmax - onehot) · `gradientScale` where one is given.
public func softmaxCrossEntropy(
  losses: Rows, logits: Rows, targets: ArraySlice<Int32>, gradientScale: Float? = nil
) {
  precondition(
    targets.count == logits.count && losses.count == logits.count && losses.width == 1
      && targets.allSatisfy { $0 >= 0 && Int($0) < logits.width },
    "a loss and a target of \(logits.width) for each of \(logits.count) rows")
  targets.withUnsafeBufferPointer { targets in
    parallel(logits.count) { row in
      let z = logits.row(row)
      let target = Int(targets[row])
      let value = z[target]
      losses.base[row] = softmax(logits.width, z) - value
      guard let gradientScale else { return }
      z[target] -= 1
      for v in 0..<logits.width { z[v] *= gradientScale }
    }
  }
}
