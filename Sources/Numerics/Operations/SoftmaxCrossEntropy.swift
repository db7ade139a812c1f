// loss = log Σ_v exp(z_v) - z_target, the negative log-likelihood of the target
//
// Shapes: R rows, V vocabulary; z [R, V], targets [R], losses [R].
// Backward: dz = softmax(z) - onehot(target), scaled.

/// losses[r] = -log softmax(logits[r])[targets[r]], in nats. `logits` is overwritten.
///
/// - Precondition: every target is in 0 ..< vocabulary.
public func softmaxCrossEntropy(
  losses: UnsafeMutablePointer<Float>, logits: UnsafeMutablePointer<Float>,
  targets: UnsafePointer<Int32>, rows: Int, vocabulary: Int
) {
  parallel(rows) { row in
    let z = logits + row * vocabulary
    let target = z[Int(targets[row])]
    losses[row] = softmax(vocabulary, z) - target
  }
}

/// The same, and turns `logits` into their gradients in place: (softmax - onehot) · scale.
public func softmaxCrossEntropyWithGradient(
  losses: UnsafeMutablePointer<Float>, logits: UnsafeMutablePointer<Float>,
  targets: UnsafePointer<Int32>, rows: Int, vocabulary: Int, scale: Float
) {
  parallel(rows) { row in
    let z = logits + row * vocabulary
    let target = Int(targets[row])
    let value = z[target]
    losses[row] = softmax(vocabulary, z) - value
    z[target] -= 1
    for v in 0..<vocabulary { z[v] *= scale }
  }
}

/// losses[r] = -log softmax(logits[r])[targets[r]], in nats, with `logits` [R, V] overwritten: by their
/// gradients (softmax - onehot) · `gradientScale` where one is given.
public func softmaxCrossEntropy(
  losses: UnsafeMutablePointer<Float>, logits: Rows, targets: ArraySlice<Int32>,
  gradientScale: Float? = nil
) {
  precondition(
    targets.count == logits.count
      && targets.allSatisfy { $0 >= 0 && Int($0) < logits.width },
    "a target of \(logits.width) for each of \(logits.count) rows")
  targets.withUnsafeBufferPointer { targets in
    guard let base = targets.baseAddress else { return }
    if let gradientScale {
      softmaxCrossEntropyWithGradient(
        losses: losses, logits: logits.base, targets: base, rows: logits.count,
        vocabulary: logits.width, scale: gradientScale)
    } else {
      softmaxCrossEntropy(
        losses: losses, logits: logits.base, targets: base, rows: logits.count,
        vocabulary: logits.width)
    }
  }
}
