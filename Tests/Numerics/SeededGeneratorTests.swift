import Foundation
import Numerics
import Testing

@Suite struct SeededGeneratorTests {
  /// The first outputs for seed 0, of the authors' reference code (xoshiro256** over SplitMix64).
  @Test func matchesTheReferenceSequence() {
    var mixer = SplitMix64(state: 0)
    #expect(mixer.next() == 0xE220_A839_7B1D_CDAF)
    var generator = SeededGenerator(seed: 0)
    #expect(
      (0..<3).map { _ in generator.next() } == [
        0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A, 0x1A5F_849D_4933_E6E0,
      ])
  }

  @Test func resumesFromItsEncodedState() throws {
    var generator = SeededGenerator(seed: 7)
    _ = generator.normal()
    var restored = try JSONDecoder().decode(
      SeededGenerator.self, from: JSONEncoder().encode(generator))
    #expect((0..<9).allSatisfy { _ in restored.next() == generator.next() })
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(SeededGenerator.self, from: Data("[0,0,0,0]".utf8))
    }
  }

  @Test func momentsOfItsDistributions() {
    var generator = SeededGenerator(seed: 3)
    let uniform = (0..<100_000).map { _ in Double(generator.uniform()) }
    let normal = (0..<100_000).map { _ in Double(generator.normal()) }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    // Five standard errors of a mean and of a variance over 100,000 draws.
    let error = 5 / 1e5.squareRoot()
    #expect(abs(mean(uniform) - 0.5) < 0.289 * error)
    #expect(abs(mean(normal)) < error)
    #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 1.414 * error)
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
  }

  @Test func shufflesAreFixedBySeed() {
    var first = SeededGenerator(seed: 5)
    var second = SeededGenerator(seed: 5)
    var a = Array(0..<50)
    var b = Array(0..<50)
    first.shuffle(&a)
    second.shuffle(&b)
    #expect(a == b && a != Array(0..<50) && a.sorted() == Array(0..<50))
  }
}
