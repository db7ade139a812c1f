import Foundation
import Numerics
import Testing

@Suite struct SoftCapTests {
  let rows = 3, width = 7

  @Test func agreesWithTheDefinition() {
    let x = random(rows * width, seed: 1)
    for i in 0..<x.count { x[i] *= 20 }
    let y = FloatBuffer(x.array())
    SoftCap(5).forward(Rows(y, width: width))
    for i in 0..<y.count {
      // A few roundings of a value below five.
      #expect(abs(Double(y[i]) - 5 * Foundation.tanh(Double(x[i]) / 5)) <= 2e-6)
    }
  }

  @Test func gradients() {
    let x = random(rows * width, seed: 2)
    let c = random(x.count, seed: 3)
    let y = FloatBuffer(count: x.count)
    func loss() -> Double {
      Rows(y, width: width).update(from: Rows(x, width: width))
      SoftCap(1.5).forward(Rows(y, width: width))
      return weighted(c, y)
    }
    _ = loss()
    let dx = FloatBuffer(c.array())
    SoftCap(1.5).backward(Rows(dx, width: width), y: Rows(y, width: width))
    checkGradient("dx", x, dx.array(), loss: loss)
  }

  /// Heads are normed one by one, and what lies beside them keeps its bits.
  @Test func headsAreNormedApart() {
    let (heads, size, column) = (2, 4, 1)
    let width = column + heads * size + 2
    let x = random(5 * width, seed: 4)
    let weight = random(size, seed: 5)
    let y = FloatBuffer(x.array())
    RowNorm.rootMeanSquare(weight: Rows(weight, width: size), epsilon: 1e-5)
      .normalize(Rows(y, width: width), heads: heads, column: column)
    for row in 0..<5 {
      let first = row * width
      #expect(y[first] == x[first] && y[first + width - 1] == x[first + width - 1])
      for head in 0..<heads {
        let values = (0..<size).map { Double(x[first + column + head * size + $0]) }
        let mean = values.reduce(0) { $0 + $1 * $1 } / Double(size)
        for i in 0..<size {
          let expected = values[i] / (mean + 1e-5).squareRoot() * Double(weight[i])
          #expect(abs(Double(y[first + column + head * size + i]) - expected) <= 1e-6)
        }
      }
    }
  }
}
