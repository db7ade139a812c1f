import Architectures
import Layers
import Numerics

/// A document, or the rest of one whose beginning was run before.
public struct SourceContinuation {
  public let prefix: SourceSession?
  /// The tokens that follow the prefix's.
  public let ids: [Int32]

  public init(prefix: SourceSession?, ids: [Int32]) {
    self.prefix = prefix
    self.ids = ids
  }
}

/// A document under way: the keys and values of the tokens so far, so that more tokens cost what
/// they are, not what the document is. Its states equal those of the whole document to the last bit,
/// whatever the pieces it comes in.
///
/// A session is not shared between threads; the source may be.
public final class SourceSession {
  public let source: DecoderSource

  /// The layer whose states `append` gives, 0 ... N; blocks above it are not run.
  public let layer: Int

  /// Whether the final norm is applied to them.
  public let normalized: Bool

  /// Tokens there is room for.
  public let capacity: Int

  /// The tokens so far.
  public private(set) var ids: [Int32] = []

  /// Keys and values that other sessions read too: they are never written again.
  private var shared: [StoredKeys] = []
  /// Those of the tokens since; made when the first of them comes.
  private var own: KeyValueMemory?

  /// Tokens so far.
  public var count: Int { ids.count }

  init(
    _ source: DecoderSource, capacity: Int, layer: Int, normalized: Bool
  ) throws(KnowledgeSourceError) {
    try source.architecture.check(layer: layer)
    try source.architecture.check(length: capacity)
    self.source = source
    self.capacity = capacity
    self.layer = layer
    self.normalized = normalized
  }

  /// Appends tokens, one or many, and writes their states to `out`, [ids, width]. Where it throws,
  /// the session is as before.
  public func append(
    _ ids: [Int32], into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    try source.append([(self, ids)], into: out)
  }

  /// Forgets the tokens from position `count` on.
  public func truncate(to count: Int) {
    let count = max(count, 0)
    guard count < ids.count else { return }
    ids.removeLast(ids.count - count)
    guard count < sharedCount else { return }
    own = nil
    while let last = shared.popLast() {
      let before = sharedCount
      if before < count {
        shared.append(StoredKeys(last.memory, count: count - before))
        return
      }
    }
  }

  /// Another session with the same tokens, independent from here on: a prefix that many documents
  /// share is run once, and its keys and values are held once. It has this session's capacity, or
  /// the one given.
  public func fork(capacity: Int? = nil) throws(KnowledgeSourceError) -> SourceSession {
    let copy = try SourceSession(
      source, capacity: capacity ?? self.capacity, layer: layer, normalized: normalized)
    try copy.checkRoom(for: count)
    if let own, count > sharedCount { shared.append(StoredKeys(own, count: count - sharedCount)) }
    own = nil
    copy.ids = ids
    copy.shared = shared
    return copy
  }

  /// The keys and values of all tokens so far.
  var stored: [StoredKeys] {
    guard let own, count > sharedCount else { return shared }
    return shared + [StoredKeys(own, count: count - sharedCount)]
  }

  private var sharedCount: Int { shared.reduce(0) { $0 + $1.count } }

  func checkRoom(for added: Int) throws(KnowledgeSourceError) {
    guard count + added <= capacity else {
      throw .sessionFull(count: count + added, capacity: capacity)
    }
  }

  /// The rows, from `firstRow` on, that the next `added` tokens take in a batch.
  func part(of added: Int, firstRow: Int) -> Sequences.Part {
    let memory =
      own
      ?? KeyValueMemory(
        heads: source.architecture.block(0).attention.heads, capacity: capacity - sharedCount,
        layers: layer)
    own = memory
    return Sequences.Part(
      rows: firstRow..<firstRow + added, earlier: shared,
      own: StoredKeys(memory, count: count - sharedCount))
  }

  /// Takes note of tokens whose keys and values were stored.
  func extend(by added: [Int32]) { ids += added }
}
