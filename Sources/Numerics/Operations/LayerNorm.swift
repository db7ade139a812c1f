// y = (x - mean) / √(var + ε) · w + b over each row (Ba, Kiros and Hinton, arXiv 1607.06450)
//
// Shapes: R rows, C width; x, y [R, C]; w, b [C]. The variance divides by C.
// Backward, with x̂ the normed row, s = 1/√(var + ε) and g = dy ∘ w:
//   dx += s (g - mean(g) - x̂ mean(g ∘ x̂)),  dw += Σ_rows dy ∘ x̂,  db += Σ_rows dy.
// It computes mean and variance again, with the forward pass's arithmetic: cheaper than keeping them.

/// Rows that a task takes on at least.
private let grain = 8

/// out [R, C] = the normed rows of x [R, C]; `out` may be x. weight, bias [1, C].
public func layerNorm(_ out: Rows, _ x: Rows, weight: Rows, bias: Rows, epsilon: Float) {
  precondition(
    out.isSameShape(as: x) && isVector(weight, x.width) && isVector(bias, x.width),
    "a norm of \(x.width) channels with \(weight.width) weights and \(bias.width) biases")
  parallelRanges(x.count, grain: grain) { range in
    for row in range {
      layerNormRow(out.row(row), x.row(row), weight: weight, bias: bias, epsilon: epsilon)
    }
  }
}

/// Adds to all of its outputs; each is nil where it is not trained.
public func layerNormBackward(
  dx: Rows?, dWeight: Rows?, dBias: Rows?, dOut: Rows, x: Rows, weight: Rows, epsilon: Float
) {
  precondition(
    dOut.isSameShape(as: x) && isVector(weight, x.width) && (dx?.isSameShape(as: x) ?? true)
      && [dWeight, dBias].allSatisfy { $0.map { isVector($0, x.width) } ?? true },
    "gradients of \(x.width) channels have their values' shape")
  guard x.count > 0, dx != nil || dWeight != nil || dBias != nil else { return }
  let (rows, width) = (x.count, x.width)
  withScratch(rows * width) { normed in
    parallelRanges(rows, grain: grain) { range in
      withScratch(width) { g in
        for row in range {
          let unit = normed + row * width
          let from = dOut.row(row)
          let scale = normalize(unit, x.row(row), width: width, epsilon: epsilon)
          guard let dx else { continue }
          for c in 0..<width { g[c] = from[c] * weight.base[c] }
          let mean = sum(width, g) / Float(width)
          let along = dot(width, g, unit) / Float(width)
          let to = dx.row(row)
          for c in 0..<width { to[c] += scale * (g[c] - mean - unit[c] * along) }
        }
      }
    }
    addColumnSums(dWeight: dWeight, dBias: dBias, dOut: dOut, normed: normed)
  }
}

/// dw += Σ_rows dy ∘ x̂,  db += Σ_rows dy, over the rows in order.
func addColumnSums(
  dWeight: Rows?, dBias: Rows?, dOut: Rows, normed: UnsafePointer<Float>
) {
  guard dWeight != nil || dBias != nil else { return }
  let width = dOut.width
  parallelRanges(width, grain: 64) { range in
    for row in 0..<dOut.count {
      let from = dOut.row(row)
      let unit = normed + row * width
      if let dWeight { for c in range { dWeight.base[c] += from[c] * unit[c] } }
      if let dBias { for c in range { dBias.base[c] += from[c] } }
    }
  }
}

/// Whether rows are one of that width: a weight or a bias, or its gradient.
func isVector(_ x: Rows, _ width: Int) -> Bool { x.count == 1 && x.width == width }

/// One row, [C]; unchecked.
func layerNormRow(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: Rows, bias: Rows,
  epsilon: Float
) {
  let (width, weight, bias) = (weight.width, weight.base, bias.base)
  _ = normalize(out, x, width: width, epsilon: epsilon)
  for c in 0..<width { out[c] = out[c] * weight[c] + bias[c] }
}

/// out = (x - mean) / √(var + ε), one row; returns 1/√(var + ε).
private func normalize(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, width: Int, epsilon: Float
) -> Float {
  let mean = sum(width, x) / Float(width)
  for c in 0..<width { out[c] = x[c] - mean }
  let variance = sumOfSquares(width, out) / Float(width)
  let scale = 1 / (variance + epsilon).squareRoot()
  for c in 0..<width { out[c] *= scale }
  return scale
}
