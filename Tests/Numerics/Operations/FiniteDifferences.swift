import Numerics
import Testing

/// Holds `analytic` against numerical derivatives of `loss` by every element of `x`.
///
/// The five-point stencil's own error is h⁴/30 times a fifth derivative, at h = 1/32 some 1e-7 for
/// functions of order 1; float32 rounding of outputs of order 1 adds about 6e-8 · √n / h for n of them.
/// Together that is below 1e-4 of the gradient's norm for the sizes here, while a wrong term is not.
func checkGradient(
  _ name: String, _ x: borrowing FloatBuffer, _ analytic: [Float], tolerance: Double = 1e-4,
  loss: () -> Double
) {
  let h: Float = 0x1p-5
  var (difference, size) = (0.0, 0.0)
  for i in 0..<x.count {
    let value = x[i]
    func at(_ offset: Float) -> Double {
      x[i] = value + offset
      return loss()
    }
    let slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / Double(12 * h)
    x[i] = value
    difference += (slope - Double(analytic[i])) * (slope - Double(analytic[i]))
    size += slope * slope
  }
  let error = difference.squareRoot()
  #expect(
    error <= tolerance * size.squareRoot() + 1e-5, "\(name): \(error) of \(size.squareRoot())")
}

/// Σ c y in float64: a loss whose gradient by y is `c`.
func weighted(_ c: borrowing FloatBuffer, _ y: borrowing FloatBuffer) -> Double {
  (0..<c.count).reduce(0.0) { $0 + Double(c[$1]) * Double(y[$1]) }
}
