import CKernels

/// The gated activation of Shazeer, "GLU Variants Improve Transformer" (2020), with the sigmoid
/// linear unit, of one row:
///
///     out[i] = gate[i] · sigmoid(gate[i]) · up[i]
///
/// `gateAndUp` is [2 · width], the gate's half first, as one product with both weights leaves it;
/// `out` is [width].
public func swiGLU(
  _ out: UnsafeMutablePointer<Float>, gateAndUp: UnsafePointer<Float>, width: Int
) {
  kernels.pointee.swiglu(width, gateAndUp, gateAndUp + width, out)
}
