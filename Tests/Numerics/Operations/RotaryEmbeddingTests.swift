import Foundation
import Numerics
import Testing

@Suite struct RotaryEmbeddingTests {
  // Two heads of six, behind a column that stays as it is.
  let heads = 2, size = 6, column = 1
  var width: Int { column + heads * size + 2 }
  let positions = [0, 5, 3, 700]

  private func angles() -> RotaryAngles {
    RotaryAngles(positions: positions, dimensions: size, theta: 100)
  }

  @Test func agreesWithTheDefinition() {
    let x = random(positions.count * width, seed: 1)
    let y = FloatBuffer(x.array())
    angles().rotate(Rows(y, width: width), heads: heads, column: column)
    for (row, position) in positions.enumerated() {
      var expected = (0..<width).map { Double(x[row * width + $0]) }
      for head in 0..<heads {
        for i in 0..<size / 2 {
          let angle = Double(position) * pow(100, -2 * Double(i) / Double(size))
          let (a, b) = (column + head * size + i, column + head * size + i + size / 2)
          let (first, second) = (Double(x[row * width + a]), Double(x[row * width + b]))
          expected[a] = first * cos(angle) - second * sin(angle)
          expected[b] = second * cos(angle) + first * sin(angle)
        }
      }
      for c in 0..<width {
        // Three roundings of a value below two, and those of exponent, frequency and angle to float32, as
        // models were trained: together three parts in ten million of an angle up to the position.
        let tolerance = 4e-7 + 4e-7 * Double(position)
        #expect(abs(Double(y[row * width + c]) - expected[c]) <= tolerance)
      }
    }
  }

  @Test func turningBackIsTheInverse() {
    let x = random(positions.count * width, seed: 2)
    let y = FloatBuffer(x.array())
    let angles = angles()
    angles.rotate(Rows(y, width: width), heads: heads, column: column)
    #expect(y.array() != x.array())
    angles.rotateBack(Rows(y, width: width), heads: heads, column: column)
    // Six roundings of values below two.
    #expect(zip(x.array(), y.array()).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  @Test func gradients() {
    let x = random(positions.count * width, seed: 3)
    let c = random(x.count, seed: 4)
    let y = FloatBuffer(count: x.count)
    let dx = FloatBuffer(c.array())
    let angles = angles()
    angles.rotateBack(Rows(dx, width: width), heads: heads, column: column)
    checkGradient("dx", x, dx.array()) {
      Rows(y, width: width).update(from: Rows(x, width: width))
      angles.rotate(Rows(y, width: width), heads: heads, column: column)
      return weighted(c, y)
    }
  }

  /// Part of each head, by frequencies of their own and a magnitude; what does not turn keeps its bits.
  @Test func partOfAHeadTurns() {
    let frequencies: [Float] = [0.5, 0.03]
    let magnitude: Float = 1.25
    let x = random(positions.count * width, seed: 5)
    let y = FloatBuffer(x.array())
    let angles = RotaryAngles(
      positions: positions, frequencies: frequencies, magnitude: magnitude)
    angles.rotate(Rows(y, width: width), heads: heads, headSize: size, column: column)
    for (row, position) in positions.enumerated() {
      for head in 0..<heads {
        let first = row * width + column + head * size
        for i in 0..<2 {
          let angle = Double(Float(position) * frequencies[i])
          let (a, b) = (Double(x[first + i]), Double(x[first + i + 2]))
          let (c, s) = (cos(angle) * Double(magnitude), sin(angle) * Double(magnitude))
          #expect(abs(Double(y[first + i]) - (a * c - b * s)) <= 1e-6)
          #expect(abs(Double(y[first + i + 2]) - (b * c + a * s)) <= 1e-6)
        }
        #expect((4..<size).allSatisfy { y[first + $0] == x[first + $0] })
      }
    }
    let c = random(x.count, seed: 6)
    let dx = FloatBuffer(c.array())
    angles.rotateBack(Rows(dx, width: width), heads: heads, headSize: size, column: column)
    checkGradient("dx", x, dx.array()) {
      Rows(y, width: width).update(from: Rows(x, width: width))
      angles.rotate(Rows(y, width: width), heads: heads, headSize: size, column: column)
      return weighted(c, y)
    }
  }
}
