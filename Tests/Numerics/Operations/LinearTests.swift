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
      dx: Rows(dx, width: inputs), dWeight: Rows(dw, width: inputs),
      dBias: Rows(db, width: outputs), dOut: Rows(c, width: outputs), x: Rows(x, width: inputs),
      weight: Rows(w, width: inputs))
    func loss() -> Double {
      linear(
        Rows(y, width: outputs), Rows(x, width: inputs), weight: Rows(w, width: inputs),
        bias: Rows(b, width: outputs))
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
          dx: Rows(dx, width: inputs), accumulates: true, dWeight: Rows(dw, width: inputs),
          dBias: Rows(db, width: outputs), dOut: Rows(c, width: outputs),
          x: Rows(x, width: inputs), weight: Rows(w, width: inputs))
      }
      return [dx.array(), dw.array(), db.array()]
    }
    for (once, twice) in zip(run(1), run(2)) {
      #expect(zip(once, twice).allSatisfy { abs(2 * $0 - $1) <= 1e-5 })
    }
  }

  /// A frozen weight or input changes nothing of the other gradients, and the bias may be absent.
  @Test func whatIsFrozenHasNoGradient() {
    let x = random(rows * inputs, seed: 1)
    let w = random(outputs * inputs, seed: 2)
    let c = random(rows * outputs, seed: 4)
    func run(input: Bool, weight: Bool, bias: Bool) -> [[Float]] {
      let dx = FloatBuffer(count: x.count)
      let dw = FloatBuffer(count: w.count)
      let db = FloatBuffer(count: outputs)
      linearBackward(
        dx: input ? Rows(dx, width: inputs) : nil, dWeight: weight ? Rows(dw, width: inputs) : nil,
        dBias: bias ? Rows(db, width: outputs) : nil, dOut: Rows(c, width: outputs),
        x: Rows(x, width: inputs), weight: Rows(w, width: inputs))
      return [dx.array(), dw.array(), db.array()]
    }
    let all = run(input: true, weight: true, bias: true)
    for gradient in all { #expect(gradient.contains { $0 != 0 }) }
    for (place, trained) in [(true, false, false), (false, true, false), (false, false, true)]
      .enumerated()
    {
      let some = run(input: trained.0, weight: trained.1, bias: trained.2)
      for (other, gradient) in some.enumerated() {
        #expect(other == place ? gradient == all[other] : gradient.allSatisfy { $0 == 0 })
      }
    }
  }

  /// Training multiplies by the weight as it lies, decoding by a packed one: the same bits.
  @Test func packedWeightsGiveTheSameBits() {
    let x = random(rows * inputs, seed: 1)
    let w = random(outputs * inputs, seed: 2)
    let b = random(outputs, seed: 3)
    let y = FloatBuffer(count: rows * outputs)
    let packed = FloatBuffer(count: rows * outputs)
    linear(
      Rows(y, width: outputs), Rows(x, width: inputs), weight: Rows(w, width: inputs),
      bias: Rows(b, width: outputs))
    PackedMatrix(weight: w.base, rows: outputs, columns: inputs)
      .multiply(packed.base, x.base, m: rows, bias: b.base)
    #expect(y.array() == packed.array())
  }
}
