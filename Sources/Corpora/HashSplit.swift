import Crypto

/// The set a row belongs to.
public enum CorpusSplit: String, CaseIterable, Sendable {
  case train, validation, test
}

/// Puts rows into sets by a seeded hash of the prompt's bytes: equal prompts stay together, and a
/// row's set depends on nothing but its prompt, the seed and the fractions.
public struct HashSplit: Equatable, Sendable {
  public let seed: UInt64
  public let validation: Double
  public let test: Double

  /// - Parameters:
  ///   - validation: fraction of prompts, 0 to 1.
  ///   - test: fraction of prompts, 0 to 1; both together leave something to train on.
  public init(seed: UInt64, validation: Double, test: Double) throws(CorpusError) {
    guard validation >= 0, test >= 0, validation + test < 1 else {
      throw .badFractions(validation: validation, test: test)
    }
    self.seed = seed
    self.validation = validation
    self.test = test
  }

  /// The first 53 bits of SHA-256 over a name, the seed as 8 little-endian bytes and the prompt, as
  /// a number in 0..<1: the lowest are test, those after them validation.
  public func split(_ bytes: [UInt8]) -> CorpusSplit {
    var hash = SHA256()
    hash.update(data: Array("denju split 1".utf8))
    withUnsafeBytes(of: seed.littleEndian) { hash.update(bufferPointer: $0) }
    hash.update(data: bytes)
    let top = hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let place = Double(top >> 11) * 0x1p-53
    if place < test { return .test }
    return place < test + validation ? .validation : .train
  }
}
