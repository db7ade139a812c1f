// y = gate σ(gate) up, with σ the sigmoid, element by element (Shazeer, "GLU Variants Improve Transformer", 2020)
//
// Shapes: R rows, F width; gate, up, y [R, F]. `GateAndUp.swift` has the form in which a product gates itself.
// Backward: dup = dy gate σ,  dgate = dy up σ (1 + gate (1 - σ)).

/// The gated activation of rows of gate and up that lie apart, as a trained block has them.
public enum SwiGLU {
  private static let grain = 4096
  private static let chunk = 512

  /// out = gate · sigmoid(gate) · up, all of one shape; `out` is another place than `gate`.
  public static func forward(_ out: Rows, gate: Rows, up: Rows) {
    precondition(gate.isSameShape(as: out) && up.isSameShape(as: out), "a gate for each value")
    parallelRanges(out.elementCount, grain: grain) { range in
      let (y, g, u) = (
        out.base + range.lowerBound, gate.base + range.lowerBound, up.base + range.lowerBound
      )
      sigmoid(range.count, g, y)
      for i in 0..<range.count { y[i] = g[i] * y[i] * u[i] }
    }
  }

  /// Writes both gradients; `dGate` may be `dOut`, `dUp` may not.
  public static func backward(dGate: Rows, dUp: Rows, dOut: Rows, gate: Rows, up: Rows) {
    precondition(
      [dGate, dUp, gate, up].allSatisfy(dOut.isSameShape), "a gradient for each value")
    parallelRanges(dOut.elementCount, grain: grain) { range in
      withScratch(chunk) { s in
        for first in stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
          let n = min(chunk, range.upperBound - first)
          let (g, u, dy) = (gate.base + first, up.base + first, dOut.base + first)
          sigmoid(n, g, s)
          for i in 0..<n {
            let dy = dy[i]
            dUp.base[first + i] = dy * g[i] * s[i]
            dGate.base[first + i] = dy * u[i] * s[i] * (1 + g[i] * (1 - s[i]))
          }
        }
      }
    }
  }
}
