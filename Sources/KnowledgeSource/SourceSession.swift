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
  public let source: KnowledgeSource

  /// The layer whose states `append` gives, 0 ... N; blocks above it are not run.
  public let layer: Int

  /// Whether the final norm is applied to them.
  public let normalized: Bool

  /// Tokens there is room for.
  public let capacity: Int

  /// The tokens so far.
  public private(set) var ids: [Int32] = []

  /// Keys and values that other sessions read too: they are never written again.
  private var shared: [(memory: KeyValueMemory, count: Int)] = []
  /// Those of the tokens since; made when the first of them comes.
  private var own: KeyValueMemory?

  /// Tokens so far.
  public var count: Int { ids.count }

  fileprivate init(
    _ source: KnowledgeSource, capacity: Int, layer: Int, normalized: Bool
  ) throws(KnowledgeSourceError) {
    try source.check(layer: layer)
    try source.check(length: capacity)
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
        shared.append((last.memory, count - before))
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
    if let own, count > sharedCount { shared.append((own, count - sharedCount)) }
    own = nil
    copy.ids = ids
    copy.shared = shared
    return copy
  }

  /// The keys and values of all tokens so far.
  var segments: [KeyValueSegment] {
    var segments = shared.map { $0.memory.segment(count: $0.count) }
    if let own, count > sharedCount { segments.append(own.segment(count: count - sharedCount)) }
    return segments
  }

  private var sharedCount: Int { shared.reduce(0) { $0 + $1.count } }

  fileprivate func checkRoom(for added: Int) throws(KnowledgeSourceError) {
    guard count + added <= capacity else {
      throw .sessionFull(count: count + added, capacity: capacity)
    }
  }

  /// The rows, from `firstRow` on, that the next `added` tokens take in a batch.
  fileprivate func span(of added: Int, firstRow: Int) -> AttentionSpan {
    let memory = own ?? KeyValueMemory(source, capacity: capacity - sharedCount, layers: layer)
    own = memory
    return AttentionSpan(
      firstRow: firstRow, count: added, earlier: shared.map { $0.memory.segment(count: $0.count) },
      own: memory.segment(count: count - sharedCount))
  }

  fileprivate func note(_ added: ArraySlice<Int32>) { ids += added }
}

/// Room for the keys and values of some tokens in every layer.
private final class KeyValueMemory {
  private let panels: KeyValuePanels
  private let memory: FloatBuffer

  init(_ source: KnowledgeSource, capacity: Int, layers: Int) {
    panels = source.keyValuePanels(capacity: capacity)
    memory = FloatBuffer(count: layers * panels.floatCount)
  }

  /// The first `count` tokens'. Valid while this lives, which the session sees to.
  func segment(count: Int) -> KeyValueSegment {
    KeyValueSegment(
      count: count, panels: panels, layers: memory.base, layerStride: panels.floatCount)
  }
}

extension KnowledgeSource {
  /// A session with room for `capacity` tokens that gives the states of `layer`, by default the
  /// last, after the final norm as `states` says. It takes layer · 2 · capacity · key-value heads ·
  /// head size floats.
  public func makeSession(
    capacity: Int, layer: Int? = nil, normalized: Bool? = nil
  ) throws(KnowledgeSourceError) -> SourceSession {
    let layer = layer ?? layerCount
    return try SourceSession(
      self, capacity: capacity, layer: layer, normalized: normalized ?? (layer == layerCount))
  }

  /// Appends to several sessions in one pass, which costs little more than appending to one, and
  /// writes the states to `out`: [tokens of all, width], in the order given. Where it throws, every
  /// session is as before.
  ///
  /// - Precondition: the sessions are different ones, of this source, with one layer and norm.
  public func append(
    _ pieces: [(session: SourceSession, ids: [Int32])], into out: UnsafeMutablePointer<Float>
  ) throws(KnowledgeSourceError) {
    guard let first = pieces.first?.session else { return }
    precondition(
      Set(pieces.map { ObjectIdentifier($0.session) }).count == pieces.count
        && pieces.allSatisfy {
          $0.session.source === self && $0.session.layer == first.layer
            && $0.session.normalized == first.normalized
        }, "sessions of one append must differ and must be alike")
    for (session, ids) in pieces {
      try session.checkRoom(for: ids.count)
      try check(ids, from: session.count)
    }
    embed(pieces.lazy.map(\.ids).joined(), into: out)
    var row = 0
    let spans = pieces.map { session, ids in
      defer { row += ids.count }
      return session.span(of: ids.count, firstRow: row)
    }
    withExtendedLifetime(pieces) { forward(out, spans: spans, layers: 0..<first.layer) }
    if first.normalized { normalize(out, rows: row) }
    for (session, ids) in pieces { session.note(ids[...]) }
  }
}
