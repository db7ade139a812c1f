import Numerics
import Testing

@Suite struct GateTests {
  let rows = 3, width = 11

  @Test(arguments: [true, false]) func gradientsOfTheMixture(added: Bool) {
    let mixture = added ? GateMixture.added : .convex
    let count = rows * width
    let x = random(count, seed: 1)
    let a = random(count, seed: 2)
    let z = random(count, seed: 3)
    let c = random(count, seed: 4)
    let gate = FloatBuffer(count: count)
    let y = FloatBuffer(count: count)
    let dx = FloatBuffer(c.array())
    let da = FloatBuffer(count: count)
    let dz = FloatBuffer(count: count)
    sigmoid(count, z.base, gate.base)
    mixture.backward(
      dStream: Rows(dx, width: width), da: Rows(da, width: width), dz: Rows(dz, width: width),
      gate: Rows(gate, width: width), x: Rows(x, width: width), a: Rows(a, width: width))
    func loss() -> Double {
      sigmoid(count, z.base, gate.base)
      mixture.forward(
        Rows(y, width: width), gate: Rows(gate, width: width), x: Rows(x, width: width),
        a: Rows(a, width: width))
      return weighted(c, y)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("da", a, da.array(), loss: loss)
    checkGradient("dz", z, dz.array(), loss: loss)
  }

  @Test func splittingIsTheTransposeOfConcatenating() {
    let x = random(rows * width, seed: 1)
    let a = random(rows * width, seed: 2)
    let c = random(2 * rows * width, seed: 3)
    let pair = FloatBuffer(count: 2 * rows * width)
    let dx = FloatBuffer(count: x.count)
    let da = FloatBuffer(count: a.count)
    addSplitColumns(
      dx: Rows(dx, width: width), da: Rows(da, width: width), dOut: Rows(c, width: 2 * width))
    func loss() -> Double {
      concatenateColumns(
        Rows(pair, width: 2 * width), Rows(x, width: width), Rows(a, width: width))
      return weighted(c, pair)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("da", a, da.array(), loss: loss)
  }
}
