import Numerics
import Testing

@Suite struct LinearTests {
  let rows = 7, inputs = 19, outputs = 5

  @Test func gradients() {
    let x = random(rows * inputs, seed: 1)
    let w = random(outputs * inputs, seed: 2)
    let b = random(outputs, seed: 3)
    let c = random(rows * outputs, seed: 4)
    let y = FloatBuffer(count: rows * outputs)
    let dx = FloatBuffer(count: x.count)
    let dw = FloatBuffer(count: w.count)
    let db = FloatBuffer(count: b.count)
    linearBackward(
      dx: dx.base, dWeight: dw.base, dBias: db.base, dOut: c.base, x: x.base, weight: w.base,
      rows: rows, inputs: inputs, outputs: outputs)
    func loss() -> Double {
      linearForward(
        y.base, x.base, weight: w.base, bias: b.base, rows: rows, inputs: inputs, outputs: outputs)
      return weighted(c, y)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("dW", w, dw.array(), loss: loss)
    checkGradient("db", b, db.array(), loss: loss)
  }

  @Test func gradientsAreAdded() {
    let x = random(rows * inputs, seed: 1)
    let w = random(outputs * inputs, seed: 2)
    let c = random(rows * outputs, seed: 4)
    func run(_ times: Int) -> [[Float]] {
      let dx = FloatBuffer(count: x.count)
      let dw = FloatBuffer(count: w.count)
      let db = FloatBuffer(count: outputs)
      for _ in 0..<times {
        linearBackward(
          dx: dx.base, accumulateInput: true, dWeight: dw.base, dBias: db.base, dOut: c.base,
          x: x.base, weight: w.base, rows: rows, inputs: inputs, outputs: outputs)
      }
      return [dx.array(), dw.array(), db.array()]
    }
    for (once, twice) in zip(run(1), run(2)) {
      #expect(zip(once, twice).allSatisfy { abs(2 * $0 - $1) <= 1e-5 })
    }
  }

  /// Training multiplies by the weight as it lies, decoding by a packed one: the same bits.
  @Test func packedWeightsGiveTheSameBits() {
    let x = random(rows * inputs, seed: 1)
    let w = random(outputs * inputs, seed: 2)
    let b = random(outputs, seed: 3)
    let y = FloatBuffer(count: rows * outputs)
    let packed = FloatBuffer(count: rows * outputs)
    linearForward(
      y.base, x.base, weight: w.base, bias: b.base, rows: rows, inputs: inputs, outputs: outputs)
    PackedMatrix(weight: w.base, rows: outputs, columns: inputs)
      .multiply(packed.base, x.base, m: rows, bias: b.base)
    #expect(y.array() == packed.array())
  }
}
