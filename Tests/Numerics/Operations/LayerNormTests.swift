import Numerics
import Testing

@Suite struct LayerNormTests {
  let rows = 5, width = 37, epsilon: Float = 1e-5

  @Test func gradients() {
    let x = random(rows * width, seed: 1)
    let w = random(width, seed: 2)
    let b = random(width, seed: 3)
    let c = random(rows * width, seed: 4)
    let y = FloatBuffer(count: rows * width)
    let dx = FloatBuffer(count: x.count)
    let dw = FloatBuffer(count: width)
    let db = FloatBuffer(count: width)
    layerNormBackward(
      dx: Rows(dx, width: width), dWeight: Rows(dw, width: width), dBias: Rows(db, width: width),
      dOut: Rows(c, width: width), x: Rows(x, width: width), weight: Rows(w, width: width),
      epsilon: epsilon)
    func loss() -> Double {
      layerNorm(
        Rows(y, width: width), Rows(x, width: width), weight: Rows(w, width: width),
        bias: Rows(b, width: width), epsilon: epsilon)
      return weighted(c, y)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("dw", w, dw.array(), loss: loss)
    checkGradient("db", b, db.array(), loss: loss)
  }

  @Test func normedRowsHaveMeanZeroAndVarianceOne() {
    let x = random(rows * width, seed: 5)
    let one = FloatBuffer([Float](repeating: 1, count: width))
    let zero = FloatBuffer(count: width)
    let y = FloatBuffer(count: rows * width)
    // Far from zero: the deviation is taken from the mean first.
    for i in 0..<x.count { x[i] += 1000 }
    layerNorm(
      Rows(y, width: width), Rows(x, width: width), weight: Rows(one, width: width),
      bias: Rows(zero, width: width), epsilon: epsilon)
    for row in 0..<rows {
      let values = y.array()[row * width..<(row + 1) * width].map(Double.init)
      #expect(abs(values.reduce(0, +)) / Double(width) < 1e-3)
      #expect(abs(values.reduce(0) { $0 + $1 * $1 } / Double(width) - 1) < 1e-3)
    }
  }
}
