import CKernels

/// Root mean square normalisation (Zhang and Sennrich, 2019), over rows of width C:
///
///     out[t, c] = x[t, c] / sqrt(mean over c of x[t, c]² + ε) · weight[c]
///
/// The sum of squares runs in 16 lanes.
public struct RMSNorm {
  private let weight: UnsafePointer<Float>
  let width: Int
  private let epsilon: Float

  /// `weight` is [width], and outlives this.
  public init(weight: UnsafePointer<Float>, width: Int, epsilon: Float) {
    self.weight = weight
    self.width = width
    self.epsilon = epsilon
  }

  /// One row, [width]; `out` is another place than `x`.
  func apply(_ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>) {
    let scale = 1 / (sumOfSquares(width, x) / Float(width) + epsilon).squareRoot()
    kernels.pointee.scale_by(width, x, scale, weight, out)
  }
}

/// Normalises `x`, [rows, width], in place.
public func rmsNorm(_ x: UnsafeMutablePointer<Float>, rows: Int, _ norm: RMSNorm) {
  parallelRanges(rows, grain: 1 + 16384 / norm.width) { range in
    withScratch(norm.width) { copy in
      for index in range {
        let row = x + index * norm.width
        copy.update(from: row, count: norm.width)
        norm.apply(row, copy)
      }
    }
  }
}

// Backward, with s = 1/√(mean x² + ε), x̂ = s x and g = dy ∘ w:
//   dx += s (g - x̂ mean(g ∘ x̂)),  dw += Σ_rows dy ∘ x̂.

/// Rows that a task takes on at least.
private let grain = 8

/// out = the normed rows of x; `out` is another place than x.
public func rmsNorm(_ out: Rows, _ x: Rows, weight: Rows, epsilon: Float) {
  checkNorm(out, x, weight)
  precondition(out.base != x.base || x.elementCount == 0, "the norm is written to another place")
  let norm = RMSNorm(weight: weight.base, width: x.width, epsilon: epsilon)
  parallelRanges(x.count, grain: grain) { range in
    for row in range { norm.apply(out.row(row), x.row(row)) }
  }
}

/// Adds to all of its outputs; each is nil where it is not trained.
public func rmsNormBackward(
  dx: Rows?, dWeight: Rows?, dOut: Rows, x: Rows, weight: Rows, epsilon: Float
) {
  checkNorm(dOut, x, weight)
  precondition(dWeight.map { $0.isSameShape(as: weight) } ?? true, "a gradient for each weight")
  precondition(dx.map { $0.isSameShape(as: x) } ?? true, "gradients have their values' shape")
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
