import Numerics
import Testing

@Suite struct RMSNormTests {
  let rows = 5, width = 37, epsilon: Float = 1e-5

  @Test func gradients() {
    let x = random(rows * width, seed: 1)
    let w = random(width, seed: 2)
    let c = random(rows * width, seed: 4)
    let y = FloatBuffer(count: rows * width)
    let dx = FloatBuffer(count: x.count)
    let dw = FloatBuffer(count: width)
    rmsNormBackward(
      dx: Rows(dx, width: width), dWeight: Rows(dw, width: width), dOut: Rows(c, width: width),
      x: Rows(x, width: width), weight: Rows(w, width: width), epsilon: epsilon)
    func loss() -> Double {
      rmsNorm(
        Rows(y, width: width), Rows(x, width: width), weight: Rows(w, width: width),
        epsilon: epsilon)
      return weighted(c, y)
    }
    checkGradient("dx", x, dx.array(), loss: loss)
    checkGradient("dw", w, dw.array(), loss: loss)
  }

  /// What is asked for is added to what is there; what is not changes nothing else.
  @Test func gradientsAreAddedWhereTheyAreAskedFor() {
    let x = random(rows * width, seed: 1)
    let w = random(width, seed: 2)
    let c = random(rows * width, seed: 4)
    func run(input: Bool, weight: Bool, from start: Float) -> [[Float]] {
      let dx = FloatBuffer([Float](repeating: start, count: x.count))
      let dw = FloatBuffer([Float](repeating: start, count: width))
      rmsNormBackward(
        dx: input ? Rows(dx, width: width) : nil, dWeight: weight ? Rows(dw, width: width) : nil,
        dOut: Rows(c, width: width), x: Rows(x, width: width), weight: Rows(w, width: width),
        epsilon: epsilon)
      return [dx.array(), dw.array()]
    }
    let both = run(input: true, weight: true, from: 0)
    #expect(
      run(input: true, weight: false, from: 0) == [both[0], Array(repeating: 0, count: width)])
    #expect(run(input: false, weight: true, from: 0)[1] == both[1])
    for (zero, one) in zip(both, run(input: true, weight: true, from: 1)) {
      // One rounding of a sum of order ten, or five of them.
      #expect(zip(zero, one).allSatisfy { abs($0 + 1 - $1) <= 1e-5 })
    }
  }
}
