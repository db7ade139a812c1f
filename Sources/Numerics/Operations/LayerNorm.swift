// y = (x - mean) / √(var + ε) · w + b over each row (Ba, Kiros and Hinton, arXiv 1607.06450)
//
// Shapes: R rows, C width; x, y [R, C]; w, b [C]. The variance divides by C.
// Backward, with x̂ the normed row, s = 1/√(var + ε) and g = dy ∘ w:
//   dx += s (g - mean(g) - x̂ mean(g ∘ x̂)),  dw += Σ_rows dy ∘ x̂,  db += Σ_rows dy.
// It computes mean and variance again, with the forward pass's arithmetic: cheaper than keeping them.

/// Rows that a task takes on at least.
private let grain = 8

public func layerNormForward(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, rows: Int, width: Int, epsilon: Float
) {
  parallelRanges(rows, grain: grain) { range in
    for row in range {
      let to = out + row * width
      _ = normalize(to, x + row * width, width: width, epsilon: epsilon)
      for c in 0..<width { to[c] = to[c] * weight[c] + bias[c] }
    }
  }
}

/// Adds to all of its outputs; `dx` is nil where the input is not trained.
public func layerNormBackward(
  dx: UnsafeMutablePointer<Float>?, dWeight: UnsafeMutablePointer<Float>,
  dBias: UnsafeMutablePointer<Float>, dOut: UnsafePointer<Float>, x: UnsafePointer<Float>,
  weight: UnsafePointer<Float>, rows: Int, width: Int, epsilon: Float
) {
  guard rows > 0 else { return }
  withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * width) { memory in
    guard let normed = memory.baseAddress else { return }
    parallelRanges(rows, grain: grain) { range in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { scratch in
        guard let g = scratch.baseAddress else { return }
        for row in range {
          let unit = normed + row * width
          let from = dOut + row * width
          let scale = normalize(unit, x + row * width, width: width, epsilon: epsilon)
          guard let dx else { continue }
          for c in 0..<width { g[c] = from[c] * weight[c] }
          let mean = sum(width, g) / Float(width)
          let along = dot(width, g, unit) / Float(width)
          let to = dx + row * width
          for c in 0..<width { to[c] += scale * (g[c] - mean - unit[c] * along) }
        }
      }
    }
    parallelRanges(width, grain: 64) { range in
      for row in 0..<rows {
        let from = dOut + row * width
        let unit = normed + row * width
        for c in range {
          dWeight[c] += from[c] * unit[c]
          dBias[c] += from[c]
        }
      }
    }
  }
}

/// out = the normed rows of x; `out` may be x.
public func layerNorm(_ out: Rows, _ x: Rows, weight: Rows, bias: Rows, epsilon: Float) {
  checkNorm(out, x, weight)
  precondition(bias.count == 1 && bias.width == x.width, "a bias for each channel")
  let (width, weight, bias) = (x.width, weight.base, bias.base)
  parallelRanges(x.count, grain: grain) { range in
    for row in range {
      let to = out.row(row)
      _ = normalize(to, x.row(row), width: width, epsilon: epsilon)
      for c in 0..<width { to[c] = to[c] * weight[c] + bias[c] }
    }
  }
}

/// Adds to all of its outputs; each is nil where it is not trained.
public func layerNormBackward(
  dx: Rows?, dWeight: Rows?, dBias: Rows?, dOut: Rows, x: Rows, weight: Rows, epsilon: Float
) {
  checkNorm(dOut, x, weight)
  for gradient in [dWeight, dBias] {
    precondition(gradient.map { $0.isSameShape(as: weight) } ?? true, "a gradient for each weight")
  }
  precondition(dx.map { $0.isSameShape(as: x) } ?? true, "gradients have their values' shape")
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

func checkNorm(_ out: Rows, _ x: Rows, _ weight: Rows) {
  precondition(
    out.isSameShape(as: x) && weight.count == 1 && weight.width == x.width,
    "a norm of \(x.width) channels with \(weight.width) weights")
}

/// One row, [width].
func layerNormRow(
  _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>,
  bias: UnsafePointer<Float>, width: Int, epsilon: Float
) {
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
