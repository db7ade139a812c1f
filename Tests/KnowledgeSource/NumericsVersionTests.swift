import KnowledgeSource
import ModelFiles
import Numerics
import TestSupport
import Testing

/// The states of fixed models, as bits, on whatever CPU this is: cached states are reused on other
/// machines under `Numerics.version` alone. Whoever changes the arithmetic finds out here that the
/// version must change with it.
@Suite struct NumericsVersionTests {
  @Test(
    .enabled(if: Numerics.hasOwnBits, "OpenBLAS is exempt: its bits are those of its kernels"),
    arguments: [
      (Precision.float32, 4_847_821_559_351_359_099), (.int8, 3_591_487_190_590_393_035),
    ] as [(Precision, UInt64)])
  func theVersionNamesTheBits(_ precision: Precision, _ bits: UInt64) throws {
    let families = [RandomSource.llama, .qwen2, .odd]
    let found = try hash(families.map { try $0.source(precision) })
    #expect([Numerics.version: found] == ["fma32-1": bits], "\(found)")
  }

  /// Likewise those of the families that came later.
  @Test(
    .enabled(if: Numerics.hasOwnBits, "OpenBLAS is exempt: its bits are those of its kernels"),
    arguments: [
      ("gpt_neo", Precision.float32, 5_153_662_056_455_610_880),
      ("gpt_neo", .int8, 2_491_663_811_528_238_792),
      ("bert", .float32, 1_706_356_976_632_619_064), ("bert", .int8, 4_960_608_734_161_348_345),
    ] as [(String, Precision, UInt64)])
  func theVersionNamesTheBitsOf(
    _ family: String, _ precision: Precision, _ bits: UInt64
  ) throws {
    let model = family == "bert" ? EncoderSourceTests.model() : RandomSource.gptNeo.model()
    let source = try TemporaryFolder.with { folder in
      try model.write(to: folder.path)
      return try Sources.open(ModelFolder.open(folder.path), precision: precision)
    }
    let found = try hash([source])
    #expect([Numerics.version: found] == ["fma32-1": bits], "\(found)")
  }

  private func hash(_ sources: [any Source]) throws -> UInt64 {
    var hash = FNV1a()
    for source in sources {
      let documents = [96, 1, 40].map { randomDocument($0, seed: UInt64($0)) }
      for states in try source.bits(documents, layer: source.layerCount) {
        for value in states { hash.combine(value) }
      }
    }
    return hash.value
  }
}

/// The 64-bit Fowler-Noll-Vo hash of words' bytes.
private struct FNV1a {
  var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func combine(_ word: UInt32) {
    for shift in stride(from: 0, to: 32, by: 8) {
      value = (value ^ UInt64((word >> shift) & 0xff)) &* 0x100_0000_01b3
    }
  }
}
