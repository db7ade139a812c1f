import CKernels

// y = f(gate) up, element by element (Shazeer, "GLU Variants Improve Transformer", 2020)
//
// Shapes: R rows, F width; gate, up, y [R, F]. `GateAndUp.swift` has the form in which a product gates itself.
// `swiGLU`: f(g) = g σ(g), σ the sigmoid.  dup = dy g σ,  dgate = dy up σ (1 + g (1 - σ)).
// `geGLU`: f(g) = GELU(g), its tanh form.  dup = dy GELU(g),  dgate = dy up GELU′(g).

/// The gated activation of rows of gate and up, in its two forms.
public enum GatedLinearUnit: String, Sendable, Codable {
  case swiGLU = "swiglu"
  case geGLU = "geglu"

  private static let grain = 4096
  private static let chunk = 512

  /// out = f(gate) · up, all of one shape; `out` is another place than `gate`.
  public func forward(_ out: Rows, gate: Rows, up: Rows) {
    precondition(gate.isSameShape(as: out) && up.isSameShape(as: out), "a gate for each value")
    parallelRanges(out.elementCount, grain: Self.grain) { range in
      let (y, g, u) = (
        out.base + range.lowerBound, gate.base + range.lowerBound, up.base + range.lowerBound
      )
      switch self {
      case .swiGLU:
        sigmoid(range.count, g, y)
        for i in 0..<range.count { y[i] = g[i] * y[i] * u[i] }
      case .geGLU:
        GELU.tanh.inner(y, g, count: range.count)
        for i in 0..<range.count { y[i] = 0.5 * g[i] * (1 + y[i]) * u[i] }
      }
    }
  }

  /// Writes both gradients; `dGate` may be `dOut`, `dUp` may not.
  public func backward(dGate: Rows, dUp: Rows, dOut: Rows, gate: Rows, up: Rows) {
    precondition(
      [dGate, dUp, gate, up].allSatisfy(dOut.isSameShape), "a gradient for each value")
    parallelRanges(dOut.elementCount, grain: Self.grain) { range in
      withScratch(3 * Self.chunk) { scratch in
        for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.chunk) {
          let n = min(Self.chunk, range.upperBound - first)
          let (g, u, dy) = (gate.base + first, up.base + first, dOut.base + first)
          let (dg, du) = (dGate.base + first, dUp.base + first)
          switch self {
          case .swiGLU:
            sigmoid(n, g, scratch)
            for i in 0..<n {
              let (dy, s) = (dy[i], scratch[i])
              du[i] = dy * g[i] * s
              dg[i] = dy * u[i] * s * (1 + g[i] * (1 - s))
            }
          case .geGLU:
            let (slope, density) = (scratch + Self.chunk, scratch + 2 * Self.chunk)
            GELU.tanh.inner(scratch, g, count: n)
            for i in 0..<n {
              slope[i] = dy[i] * u[i]
              du[i] = dy[i] * 0.5 * g[i] * (1 + scratch[i])
            }
            GELU.tanh.slope(dg, slope, g, scratch, density: density, count: n)
          }
        }
      }
    }
  }

  /// The activation of one row, of a product that leaves gate and up by turns, 16 values of the one and 16 of
  /// the other, the last of each filled up to 16: see `GateAndUp`. `out` is [width].
  package func apply(
    _ out: UnsafeMutablePointer<Float>, gateAndUp: UnsafePointer<Float>, width: Int
  ) {
    switch self {
    case .swiGLU: kernels.pointee.swiglu(width, gateAndUp, out)
    case .geGLU: kernels.pointee.geglu(width, gateAndUp, out)
    }
  }
}
