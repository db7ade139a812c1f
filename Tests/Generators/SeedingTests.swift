import Generators
import Identity
import Layers
import TestSupport
import Testing

/// What generators start from.
@Suite struct SeedingTests {
  private func backbone(_ model: Generator) -> [String: [UInt32]] {
    Dictionary(
      uniqueKeysWithValues: model.parameters.tensors.filter { $0.group == .generator }.map {
        ($0.name, model.parameters.values(of: $0).bits)
      })
  }

  /// Arms differ by what they read alone: seeded by name, their backbones begin alike.
  @Test(arguments: Fixture.Family.allCases)
  func byNameArmsBeginWithEqualBackbones(_ family: Fixture.Family) throws {
    let own = try Generator(Fixture.prompt(family), seed: 3, seeding: .name)
    let none = try Generator(Fixture.prompt(family, arm: .none), seed: 3, seeding: .name)
    let two = try Generator(
      Fixture.prompt(family, streams: Fixture.streams), seed: 3, seeding: .name)
    #expect(backbone(own) == backbone(none))
    #expect(backbone(own) == backbone(two))
    #expect(backbone(own) != backbone(try Generator(Fixture.prompt(family), seed: 4)))
    // By index they do not.
    let byIndex = try [own, none].map {
      backbone(try Generator($0.configuration, seed: 3, seeding: .index))
    }
    #expect(byIndex[0] != byIndex[1])
  }

  /// No two tensors of more than a few values begin alike.
  @Test(arguments: [TensorSeeding.index, .name])
  func tensorsDrawValuesOfTheirOwn(_ seeding: TensorSeeding) throws {
    let model = try Generator(Fixture.prompt(.qwen2), seed: 3, seeding: seeding)
    var seen: [[UInt32]: String] = [:]
    for tensor in model.parameters.tensors where tensor.shape.count == 2 {
      let first = Array(model.parameters.values(of: tensor).bits.prefix(8))
      // Those of one bound and different widths differ by the draw, not the scale.
      #expect(seen.updateValue(tensor.name, forKey: first) == nil, "\(tensor.name)")
    }
    #expect(seen.count > 20)
  }

  /// The values that runs of before began from, by the 64-bit Fowler-Noll-Vo hash of their bits; a program in
  /// another language, written from the generators' papers, has the same.
  @Test(
    arguments: [
      ("prompt", 17_639_921_748_791_165_964), ("aligned", 13_562_786_563_378_355_201),
    ] as [(String, UInt64)])
  func byIndexTheStartIsWhatItWas(_ name: String, _ hash: UInt64) throws {
    let configuration = name == "prompt" ? try Fixture.prompt() : try Fixture.aligned(.causal)
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for bits in try Generator(configuration, seed: 11, seeding: .index).valueBits {
      for shift in stride(from: 0, to: 32, by: 8) {
        value = (value ^ UInt64((bits >> UInt32(shift)) & 0xff)) &* 0x100_0000_01b3
      }
    }
    #expect(value == hash)
  }
}
