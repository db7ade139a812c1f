import Crypto

/// One of the parts that a corpus is cut into for several machines.
///
/// A hash of the prompt's bytes decides, so that every machine cuts the same way whatever the order of the
/// rows, and equal prompts, whose states are shared, stay together.
public struct CorpusShard: Equatable, Sendable, CustomStringConvertible {
  /// From 1.
  public let number: Int
  public let count: Int

  public init(number: Int, of count: Int) throws(CorpusError) {
    guard count >= 1, (1...count).contains(number) else {
      throw .badOption("shard \(number)/\(count): I/N with I from 1 to N")
    }
    self.number = number
    self.count = count
  }

  /// "I/N".
  public init(parsing text: String) throws(CorpusError) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1] else {
      throw .badOption("shard `\(text)`: I/N, as 2/4, is the second of four")
    }
    try self.init(number: number, of: count)
  }

  public var description: String { "\(number)/\(count)" }

  /// The first 64 bits of SHA-256 over a name and the row's `splitBytes`, modulo the count. The name
  /// keeps it apart from the hash that cuts a corpus into sets.
  public func contains(_ row: CorpusRow) -> Bool {
    guard count > 1 else { return true }
    var hash = SHA256()
    hash.update(data: Array("denju shard 1".utf8))
    hash.update(data: row.splitBytes)
    let top = hash.finalize().prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(top % UInt64(count)) == number - 1
  }
}
