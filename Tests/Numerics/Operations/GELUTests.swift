import Foundation
import Numerics
import Testing

@Suite struct GELUTests {
  @Test(arguments: [true, false]) func valuesAndGradients(exact: Bool) {
    let kind = exact ? GELU.exact : .tanh
    let inputs = stride(from: Float(-6), through: 6, by: 0.037).map { $0 }
    let x = FloatBuffer(inputs)
    let y = FloatBuffer(count: inputs.count)
    let (input, output) = (Rows(x, width: x.count), Rows(y, width: x.count))
    kind.forward(output, input)
    for (i, value) in inputs.map(Double.init).enumerated() {
      let u = 0.79788456080286536 * (value + 0.044715 * value * value * value)
      let truth =
        0.5 * value * (1 + (exact ? Foundation.erf(value * 0.5.squareRoot()) : Foundation.tanh(u)))
      // The kernels' own error, 4e-7 of a factor of at most 2, times x / 2.
      #expect(abs(Double(y[i]) - truth) <= 5e-7 * (1 + abs(value)))
    }
    let c = random(x.count, seed: 3)
    let dx = FloatBuffer(count: x.count)
    kind.backward(dx: Rows(dx, width: x.count), dOut: Rows(c, width: x.count), x: input)
    checkGradient("dx", x, dx.array()) {
      kind.forward(output, input)
      return weighted(c, y)
    }
  }

  @Test func backwardInPlaceIsTheSame() {
    let x = random(1000, seed: 1)
    let c = random(1000, seed: 2)
    let dx = FloatBuffer(count: 1000)
    func rows(_ buffer: borrowing FloatBuffer) -> Rows { Rows(buffer, width: 10) }
    for kind in [GELU.exact, .tanh] {
      let same = FloatBuffer(c.array())
      kind.backward(dx: rows(dx), dOut: rows(c), x: rows(x))
      kind.backward(dx: rows(same), dOut: rows(same), x: rows(x))
      #expect(dx.array() == same.array())
    }
  }
}
