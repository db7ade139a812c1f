import Foundation
import Numerics
import Testing

@Suite struct GELUTests {
  @Test(arguments: [true, false]) func valuesAndGradients(exact: Bool) {
    let kind = exact ? GELU.exact : .tanh
    let inputs = stride(from: Float(-6), through: 6, by: 0.037).map { $0 }
    let x = FloatBuffer(inputs)
    let y = FloatBuffer(count: inputs.count)
    kind.forward(y.base, x.base, count: x.count)
    for (i, input) in inputs.map(Double.init).enumerated() {
      let u = 0.79788456080286536 * (input + 0.044715 * input * input * input)
      let truth =
        0.5 * input * (1 + (exact ? Foundation.erf(input * 0.5.squareRoot()) : Foundation.tanh(u)))
      // The kernels' own error, 4e-7 of a factor of at most 2, times x / 2.
      #expect(abs(Double(y[i]) - truth) <= 5e-7 * (1 + abs(input)))
    }
    let c = random(x.count, seed: 3)
    let dx = FloatBuffer(count: x.count)
    kind.backward(dx: dx.base, dOut: c.base, x: x.base, count: x.count)
    checkGradient("dx", x, dx.array()) {
      kind.forward(y.base, x.base, count: x.count)
      return weighted(c, y)
    }
  }

  @Test func backwardInPlaceIsTheSame() {
    let x = random(1000, seed: 1)
    let c = random(1000, seed: 2)
    let dx = FloatBuffer(count: 1000)
    for kind in [GELU.exact, .tanh] {
      let same = FloatBuffer(c.array())
      kind.backward(dx: dx.base, dOut: c.base, x: x.base, count: 1000)
      kind.backward(dx: same.base, dOut: same.base, x: x.base, count: 1000)
      #expect(dx.array() == same.array())
    }
  }
}
