import Layers
import Numerics
import Testing

/// Holds `analytic` against numerical derivatives of `loss` by every element of `x`.
///
/// The five-point stencil's own error is h⁴/30 times a fifth derivative; float32 rounding of outputs of order 1
/// adds about 6e-8 · √n / h for n of them. Both are below 5e-4 of the gradient's norm for the blocks here,
/// whose several nonlinearities have larger derivatives than one operation, while a wrong term is not.
func checkGradient(
  _ name: String, _ x: Rows, _ analytic: [Float], tolerance: Double = 5e-4, loss: () -> Double
) {
  let h: Float = 0x1p-6
  var (difference, size) = (0.0, 0.0)
  #expect(analytic.count == x.elementCount, "\(name)")
  for i in 0..<min(x.elementCount, analytic.count) {
    let value = x.base[i]
    func at(_ offset: Float) -> Double {
      x.base[i] = value + offset
      return loss()
    }
    let slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / Double(12 * h)
    x.base[i] = value
    difference += (slope - Double(analytic[i])) * (slope - Double(analytic[i]))
    size += slope * slope
  }
  let (error, norm) = (difference.squareRoot(), size.squareRoot())
  #expect(error <= tolerance * norm + 5e-5, "\(name): \(error) of \(norm)")
}

/// Σ c y in float64: a loss whose gradient by y is `c`.
func weighted(_ c: Rows, _ y: Rows) -> Double {
  (0..<c.elementCount).reduce(0.0) { $0 + Double(c.base[$1]) * Double(y.base[$1]) }
}

/// Values of a seed between -1 and 1, in memory of their own.
final class Values {
  private let buffer: FloatBuffer
  let rows: Rows

  init(_ count: Int, _ width: Int, seed: UInt64? = nil) {
    buffer = FloatBuffer(count: count * width)
    rows = Rows(buffer, width: width)
    guard let seed else { return }
    var generator = SeededGenerator(seed: seed)
    for i in 0..<buffer.count { buffer[i] = 2 * generator.uniform() - 1 }
  }

  var array: [Float] { rows.array }
}

extension Rows {
  var array: [Float] { Array(UnsafeBufferPointer(start: base, count: elementCount)) }
}

/// The parameters of one layer, every value of which comes from a seed, so that no term of any gradient is
/// zero by its start.
func parameters(_ layout: ParameterLayout, seed: UInt64 = 1) -> ParameterSet {
  let parameters = ParameterSet(layout)
  parameters.initialize(seed: seed, .name)
  var generator = SeededGenerator(seed: seed &+ 100)
  for tensor in parameters.tensors {
    let base = parameters.base(of: tensor)
    for i in 0..<tensor.range.count { base[i] += 0.4 * generator.normal() }
  }
  return parameters
}

extension ParameterSet {
  /// A tensor's values as one row, to be changed.
  func row(of tensor: ParameterTensor) -> Rows {
    Rows(base(of: tensor), count: 1, width: tensor.range.count)
  }

  /// Holds the gradients of every trained tensor against finite differences; a frozen one must have none.
  func checkGradients(loss: () -> Double) {
    for tensor in tensors {
      let gradients = Array(gradients(of: tensor))
      if tensor.isTrained {
        checkGradient(tensor.name, row(of: tensor), gradients, loss: loss)
      } else {
        #expect(gradients.isEmpty, "\(tensor.name)")
      }
    }
  }
}
