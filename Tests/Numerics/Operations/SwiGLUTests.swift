import Foundation
import Numerics
import Testing

@Suite struct SwiGLUTests {
  // More values than a task takes on, so that several are cut.
  let rows = 70, width = 123

  @Test func agreesWithTheDefinition() {
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    for i in 0..<gate.count { gate[i] *= 8 }
    let y = FloatBuffer(count: gate.count)
    SwiGLU.forward(
      Rows(y, width: width), gate: Rows(gate, width: width), up: Rows(up, width: width))
    for i in 0..<y.count {
      let g = Double(gate[i])
      // A few roundings of a value of order eight.
      #expect(abs(Double(y[i]) - g / (1 + Foundation.exp(-g)) * Double(up[i])) <= 4e-6)
    }
  }

  @Test func gradients() {
    let (rows, width) = (3, 11)
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    let c = random(rows * width, seed: 3)
    let y = FloatBuffer(count: gate.count)
    let dGate = FloatBuffer(count: gate.count)
    let dUp = FloatBuffer(count: gate.count)
    SwiGLU.backward(
      dGate: Rows(dGate, width: width), dUp: Rows(dUp, width: width), dOut: Rows(c, width: width),
      gate: Rows(gate, width: width), up: Rows(up, width: width))
    func loss() -> Double {
      SwiGLU.forward(
        Rows(y, width: width), gate: Rows(gate, width: width), up: Rows(up, width: width))
      return weighted(c, y)
    }
    checkGradient("dGate", gate, dGate.array(), loss: loss)
    checkGradient("dUp", up, dUp.array(), loss: loss)
  }

  /// The gate's gradient may go where the output's is, and the number of threads changes no bit.
  @Test func backwardInPlaceIsTheSame() {
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    let c = random(rows * width, seed: 3)
    func run(inPlace: Bool) -> [[Float]] {
      let dOut = FloatBuffer(c.array())
      let dGate = FloatBuffer(count: c.count)
      let dUp = FloatBuffer(count: c.count)
      SwiGLU.backward(
        dGate: inPlace ? Rows(dOut, width: width) : Rows(dGate, width: width),
        dUp: Rows(dUp, width: width), dOut: Rows(dOut, width: width),
        gate: Rows(gate, width: width), up: Rows(up, width: width))
      return [inPlace ? dOut.array() : dGate.array(), dUp.array()]
    }
    let apart = run(inPlace: false)
    #expect(run(inPlace: true) == apart)
    #expect(ThreadTeam.shared.limited(to: 1) { run(inPlace: false) } == apart)
  }
}
