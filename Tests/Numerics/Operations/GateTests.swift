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
      dStream: dx.base, da: da.base, dz: dz.base, gate: gate.base, x: x.base, a: a.base,
      count: count)
    func loss() -> Double {
      sigmoid(count, z.base, gate.base)
      mixture.forward(y.base, gate: gate.base, x: x.base, a: a.base, count: count)
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
    addSplitColumns(dx: dx.base, da: da.base, dOut: c.base, rows: rows, width: width)
    func loss() -> Double {
      concatenateColumns(pair.base, x.base, a.base, rows: rows, width: width)
      return weighted(c, pair)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("da", a, da.array(), loss: loss)
  }
}
