// GELU(x) = x Φ(x) (Hendrycks and Gimpel, arXiv 1606.08415), element by element
//
// Shapes: x, out and their gradients are rows of one shape.
// `exact`: Φ(x) = (1 + erf(x/√2)) / 2, derivative Φ(x) + x φ(x).
// `tanh` (GPT-Neo's "gelu_new"): Φ(x) ≈ (1 + tanh u) / 2, u = √(2/π) (x + 0.044715 x³),
//   derivative (1 + tanh u) / 2 + x (1 - tanh² u) u′ / 2.

/// The Gaussian error linear unit, in its two forms.
public enum GELU: Sendable {
  case exact
  case tanh

  /// out = GELU(x); `out` is another place than x.
  public func forward(_ out: Rows, _ x: Rows) {
    precondition(out.isSameShape(as: x), "an output for each value")
    parallelRanges(x.elementCount, grain: Self.grain) { range in
      let out = out.base + range.lowerBound
      let x = x.base + range.lowerBound
      inner(out, x, count: range.count)
      for i in 0..<range.count { out[i] = 0.5 * x[i] * (1 + out[i]) }
    }
  }

  /// dx = dy · GELU′(x); `dx` may be `dOut`.
  public func backward(dx: Rows, dOut: Rows, x: Rows) {
    precondition(dx.isSameShape(as: x) && dOut.isSameShape(as: x), "a gradient for each value")
    parallelRanges(x.elementCount, grain: Self.grain) { range in
      withScratch(2 * Self.chunk) { t in
        for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunk) {
          let n = min(Self.chunk, range.upperBound - first)
          let x = x.base + first
          inner(t, x, count: n)
          slope(dx.base + first, dOut.base + first, x, t, density: t + Self.chunk, count: n)
        }
      }
    }
  }

  private static let grain = 4096
  private static let chunk = 512

  /// out = erf(x/√2), or tanh u.
  func inner(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, count: Int
  ) {
    switch self {
    case .exact:
      for i in 0..<count { out[i] = x[i] * 0.70710678118654752 }
      erf(count, out, out)
    case .tanh:
      for i in 0..<count { out[i] = rootTwoOverPi * (x[i] + 0.044715 * x[i] * x[i] * x[i]) }
      hyperbolicTangent(count, out, out)
    }
  }

  func slope(
    _ dx: UnsafeMutablePointer<Float>, _ dOut: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    _ t: UnsafePointer<Float>, density: UnsafeMutablePointer<Float>, count: Int
  ) {
    switch self {
    case .exact:
      for i in 0..<count { density[i] = -0.5 * x[i] * x[i] }
      exp(count, density, density)
      for i in 0..<count {
        dx[i] = dOut[i] * (0.5 * (1 + t[i]) + x[i] * density[i] * 0.39894228040143268)
      }
    case .tanh:
      for i in 0..<count {
        let inner = rootTwoOverPi * (1 + 3 * 0.044715 * x[i] * x[i])
        dx[i] = dOut[i] * (0.5 * (1 + t[i]) + 0.5 * x[i] * (1 - t[i] * t[i]) * inner)
      }
    }
  }
}

private let rootTwoOverPi: Float = 0.79788456080286536

// Inside the enum `tanh` means the case.
private func hyperbolicTangent(
  _ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  tanh(count, x, y)
}
