import Numerics
import Testing

@Suite struct DropoutTests {
  let rows = 200, width = 333

  private func mask(_ dropout: Dropout) -> [Float] {
    let x = FloatBuffer([Float](repeating: 1, count: rows * width))
    dropout.apply(Rows(x, width: width))
    return x.array()
  }

  @Test(arguments: [0.1, 0.5] as [Float]) func dropsItsShareAndKeepsTheMean(_ rate: Float) {
    let mask = mask(Dropout(rate: rate, seed: 1, step: 2, site: 3))
    let dropped = Float(mask.count { $0 == 0 }) / Float(mask.count)
    // Five standard deviations of 66,600 draws.
    #expect(abs(dropped - rate) < 5 * (rate * (1 - rate) / Float(mask.count)).squareRoot())
    #expect(mask.allSatisfy { $0 == 0 || $0 == 1 / (1 - rate) })
  }

  /// The backward pass applies the same mask again, whoever computes it and whenever.
  @Test func theMaskIsAFunctionOfItsNumbers() {
    let one = mask(Dropout(rate: 0.3, seed: 1, step: 2, site: 3))
    #expect(one == mask(Dropout(rate: 0.3, seed: 1, step: 2, site: 3)))
    #expect(
      one
        == ThreadTeam.shared.limited(to: 1) { mask(Dropout(rate: 0.3, seed: 1, step: 2, site: 3)) })
    for other in [
      Dropout(rate: 0.3, seed: 4, step: 2, site: 3), Dropout(rate: 0.3, seed: 1, step: 3, site: 2),
      Dropout(rate: 0.3, seed: 1, step: 2, site: 4),
    ] {
      let same = zip(one, mask(other)).count { $0 == $1 }
      // Independent masks agree with probability 0.3² + 0.7².
      #expect(abs(Double(same) / Double(one.count) - 0.58) < 0.02)
    }
    // Rows and columns are not alike either.
    let agree = zip(one[..<(one.count - width)], one[width...]).count { $0 == $1 }
    #expect(abs(Double(agree) / Double(one.count) - 0.58) < 0.02)
  }
}
