// y = x Wᵀ + b
//
// Shapes: R rows (tokens), I inputs, O outputs; x [R, I], W [O, I], b [O], y [R, O].
// Backward: dx = dy W, dW += dyᵀ x, db += Σ_rows dy.

/// out [R, O] = x [R, I] · weightᵀ [O, I] + bias [1, O]. The chain of each output starts from its bias, as
/// `PackedMatrix.multiply` has it, so that a packed weight gives the same bits.
public func linear(_ out: Rows, _ x: Rows, weight: Rows, bias: Rows?) {
  precondition(
    fit(out, x, weight) && (bias.map { isVector($0, out.width) } ?? true),
    "rows of \(x.width) times [\(weight.count), \(weight.width)] into rows of \(out.width)")
  if let bias {
    for row in 0..<out.count { out.row(row).update(from: bias.base, count: out.width) }
  }
  matmul(
    out.base, x.base, weight.base, m: x.count, k: x.width, n: out.width, transposeB: true,
    accumulate: bias != nil)
}

/// Adds the parameters' gradients, where they are trained; writes dx [R, I] where it is wanted, or adds to
/// it when `accumulates` is set.
public func linearBackward(
  dx: Rows?, accumulates: Bool = false, dWeight: Rows?, dBias: Rows?, dOut: Rows, x: Rows,
  weight: Rows
) {
  precondition(
    fit(dOut, x, weight) && (dx?.isSameShape(as: x) ?? true)
      && (dWeight?.isSameShape(as: weight) ?? true)
      && (dBias.map { isVector($0, dOut.width) } ?? true),
    "gradients of rows of \(x.width) times [\(weight.count), \(weight.width)] have their shapes")
  if let dx {
    matmul(
      dx.base, dOut.base, weight.base, m: x.count, k: dOut.width, n: x.width,
      accumulate: accumulates)
  }
  if let dWeight {
    matmul(
      dWeight.base, dOut.base, x.base, m: dOut.width, k: x.count, n: x.width, transposeA: true,
      accumulate: true)
  }
  guard let dBias else { return }
  parallelRanges(dOut.width, grain: 64) { range in
    for row in 0..<dOut.count {
      axpy(range.count, 1, dOut.row(row) + range.lowerBound, dBias.base + range.lowerBound)
    }
  }
}

private func fit(_ out: Rows, _ x: Rows, _ weight: Rows) -> Bool {
  out.count == x.count && weight.width == x.width && weight.count == out.width
}
