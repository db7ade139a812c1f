import Foundation
import Numerics
import Testing

@Suite struct GatedLinearUnitTests {
  static let units: [GatedLinearUnit] = [.swiGLU, .geGLU]
  // More values than a task takes on, so that several are cut.
  let rows = 70, width = 123

  /// What a gate lets through.
  static func exact(_ unit: GatedLinearUnit, _ g: Double) -> Double {
    switch unit {
    case .swiGLU: g / (1 + Foundation.exp(-g))
    case .geGLU:
      0.5 * g * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (g + 0.044715 * g * g * g)))
    }
  }

  @Test(arguments: units) func agreesWithTheDefinition(_ unit: GatedLinearUnit) {
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    for i in 0..<gate.count { gate[i] *= 8 }
    let y = FloatBuffer(count: gate.count)
    unit.forward(
      Rows(y, width: width), gate: Rows(gate, width: width), up: Rows(up, width: width))
    for i in 0..<y.count {
      let g = Double(gate[i])
      // A few roundings of a value of order eight.
      #expect(abs(Double(y[i]) - Self.exact(unit, g) * Double(up[i])) <= 4e-6)
    }
  }

  @Test(arguments: units) func gradients(_ unit: GatedLinearUnit) {
    let (rows, width) = (3, 11)
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    let c = random(rows * width, seed: 3)
    let y = FloatBuffer(count: gate.count)
    let dGate = FloatBuffer(count: gate.count)
    let dUp = FloatBuffer(count: gate.count)
    unit.backward(
      dGate: Rows(dGate, width: width), dUp: Rows(dUp, width: width), dOut: Rows(c, width: width),
      gate: Rows(gate, width: width), up: Rows(up, width: width))
    func loss() -> Double {
      unit.forward(
        Rows(y, width: width), gate: Rows(gate, width: width), up: Rows(up, width: width))
      return weighted(c, y)
    }
    checkGradient("dGate", gate, dGate.array(), loss: loss)
    checkGradient("dUp", up, dUp.array(), loss: loss)
  }

  /// The gate's gradient may go where the output's is, and the number of threads changes no bit.
  @Test(arguments: units) func backwardInPlaceIsTheSame(_ unit: GatedLinearUnit) {
    let gate = random(rows * width, seed: 1)
    let up = random(rows * width, seed: 2)
    let c = random(rows * width, seed: 3)
    func run(inPlace: Bool) -> [[Float]] {
      let dOut = FloatBuffer(c.array())
      let dGate = FloatBuffer(count: c.count)
      let dUp = FloatBuffer(count: c.count)
      unit.backward(
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
