/// The gated activation of Shazeer, "GLU Variants Improve Transformer" (2020), with the sigmoid
/// linear unit:
///
///     out[t, i] = gate[t, i] · sigmoid(gate[t, i]) · up[t, i]
///
/// `gateAndUp` is [rows, 2 · width], the gate's half first, as one product with both weights leaves
/// it; `out` is [rows, width] and another place.
public func swiGLU(
  _ out: UnsafeMutablePointer<Float>, gateAndUp: UnsafePointer<Float>, rows: Int, width: Int
) {
  parallelRanges(rows, grain: 1 + 4096 / width) { range in
    for row in range {
      let gate = gateAndUp + row * 2 * width
      let (up, to) = (gate + width, out + row * width)
      sigmoid(width, gate, to)
      for i in 0..<width { to[i] = gate[i] * to[i] * up[i] }
    }
  }
}
