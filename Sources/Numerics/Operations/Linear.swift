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
