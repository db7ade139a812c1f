// y = x Wᵀ + b
//
// Shapes: R rows (tokens), I inputs, O outputs; x [R, I], W [O, I], b [O], y [R, O].
// Backward: dx = dy W, dW += dyᵀ x, db += Σ_rows dy.

/// out [R, O] = x [R, I] · weightᵀ + bias. The chain of each output starts from its bias, as
/// `PackedMatrix.multiply` has it, so that a packed weight gives the same bits.
public func linearForward(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>?, rows: Int, inputs: Int, outputs: Int
) {
  if let bias {
    for row in 0..<rows { (out + row * outputs).update(from: bias, count: outputs) }
  }
  matmul(
    out, x, weight, m: rows, k: inputs, n: outputs, transposeB: true, accumulate: bias != nil)
}

/// Adds the parameters' gradients to `dWeight` and `dBias`; writes dx [R, I] where it is wanted, or
/// adds to it when `accumulateInput` is set.
public func linearBackward(
  dx: UnsafeMutablePointer<Float>?, accumulateInput: Bool = false,
  dWeight: UnsafeMutablePointer<Float>, dBias: UnsafeMutablePointer<Float>?,
  dOut: UnsafePointer<Float>, x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  rows: Int, inputs: Int, outputs: Int
) {
  if let dx {
    matmul(dx, dOut, weight, m: rows, k: outputs, n: inputs, accumulate: accumulateInput)
  }
  matmul(
    dWeight, dOut, x, m: outputs, k: rows, n: inputs, transposeA: true, accumulate: true)
  if let dBias { addColumnSums(dBias, dOut, rows: rows, columns: outputs) }
}

/// out [R, O] = x [R, I] · weightᵀ [O, I] + bias [1, O]. The chain of each output starts from its bias, as
/// `PackedMatrix.multiply` has it, so that a packed weight gives the same bits.
public func linear(_ out: Rows, _ x: Rows, weight: Rows, bias: Rows?) {
  checkLinear(out, x, weight)
  if let bias {
    precondition(bias.count == 1 && bias.width == out.width, "a bias for each output")
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
  checkLinear(dOut, x, weight)
  precondition(dx.map { $0.isSameShape(as: x) } ?? true, "gradients have their values' shape")
  precondition(dWeight.map { $0.isSameShape(as: weight) } ?? true, "a gradient for each weight")
  precondition(dBias.map { $0.count == 1 && $0.width == dOut.width } ?? true, "one for each bias")
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
  if let dBias { addColumnSums(dBias.base, dOut.base, rows: dOut.count, columns: dOut.width) }
}

private func checkLinear(_ out: Rows, _ x: Rows, _ weight: Rows) {
  precondition(
    out.count == x.count && weight.width == x.width && weight.count == out.width,
    "rows of \(x.width) times [\(weight.count), \(weight.width)] into rows of \(out.width)")
}

/// sums[c] += Σ_r x[r, c], over the rows in order.
private func addColumnSums(
  _ sums: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int, columns: Int
) {
  parallelRanges(columns, grain: 64) { range in
    for row in 0..<rows {
      axpy(range.count, 1, x + row * columns + range.lowerBound, sums + range.lowerBound)
    }
  }
}
