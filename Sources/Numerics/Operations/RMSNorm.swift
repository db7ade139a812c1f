import CKernels

// y = x / √(mean x² + ε) · w over each row (Zhang and Sennrich, RMSNorm, 2019)
//
// Shapes: R rows, C width; x, y [R, C]; w [C]. The sum of squares runs in 16 lanes.
// Backward, with s = 1/√(mean x² + ε), x̂ = s x and g = dy ∘ w:
//   dx += s (g - x̂ mean(g ∘ x̂)),  dw += Σ_rows dy ∘ x̂.

/// Rows that a task takes on at least.
private let grain = 8

/// out [R, C] = the normed rows of x [R, C]; `out` is another place than x. weight [1, C].
public func rmsNorm(_ out: Rows, _ x: Rows, weight: Rows, epsilon: Float) {
  precondition(
    out.isSameShape(as: x) && isVector(weight, x.width)
      && (out.base != x.base || x.elementCount == 0),
    "a norm of \(x.width) channels with \(weight.width) weights, written to another place")
  parallelRanges(x.count, grain: grain) { range in
    for row in range { rmsNormRow(out.row(row), x.row(row), weight: weight, epsilon: epsilon) }
  }
}

/// One row, [C], to another place; unchecked.
func rmsNormRow(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: Rows, epsilon: Float
) {
  let width = weight.width
  let scale = 1 / (sumOfSquares(width, x) / Float(width) + epsilon).squareRoot()
  kernels.pointee.scale_by(width, x, scale, weight.base, out)
}

/// Adds to all of its outputs; each is nil where it is not trained.
public func rmsNormBackward(
  dx: Rows?, dWeight: Rows?, dOut: Rows, x: Rows, weight: Rows, epsilon: Float
) {
  precondition(
    dOut.isSameShape(as: x) && isVector(weight, x.width) && (dx?.isSameShape(as: x) ?? true)
      && (dWeight.map { isVector($0, x.width) } ?? true),
    "gradients of \(x.width) channels have their values' shape")
  guard x.count > 0, dx != nil || dWeight != nil else { return }
  let (rows, width) = (x.count, x.width)
  withScratch(rows * width) { normed in
    parallelRanges(rows, grain: grain) { range in
      withScratch(width) { g in
        for row in range {
          let from = x.row(row)
          let unit = normed + row * width
          let scale = 1 / (sumOfSquares(width, from) / Float(width) + epsilon).squareRoot()
          for c in 0..<width { unit[c] = from[c] * scale }
          guard let dx else { continue }
          let dy = dOut.row(row)
          for c in 0..<width { g[c] = dy[c] * weight.base[c] }
          let along = dot(width, g, unit) / Float(width)
          let to = dx.row(row)
          for c in 0..<width { to[c] += scale * (g[c] - unit[c] * along) }
        }
      }
    }
    addColumnSums(dWeight: dWeight, dBias: nil, dOut: dOut, normed: normed)
  }
}
