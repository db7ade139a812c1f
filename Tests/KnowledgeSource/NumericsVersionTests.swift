import KnowledgeSource
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
    var hash = FNV1a()
    for family in RandomSource.allCases {
      let source = try family.source(precision)
      let documents = [96, 1, 40].map { randomDocument($0, seed: UInt64($0)) }
      for states in try source.bits(documents, layer: source.layerCount) {
        for value in states { hash.combine(value) }
      }
    }
    #expect([Numerics.version: hash.value] == ["fma32-1": bits])
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
