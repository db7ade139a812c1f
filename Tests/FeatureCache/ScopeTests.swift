import FeatureCache
import Foundation
import GRDB
import Identity
import Numerics
import TestSupport
import Testing

/// States that depend on their whole document: every record's key includes all of its ids, so that neither a
/// longer text nor a shorter one is ever a hit; and all that is done with causal states is done with them.
@Suite struct ScopeTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  /// What an encoder might compute: the same ids have other states in another text.
  private static func states(_ ids: [Int32]) -> [Float] {
    let sum = ids.reduce(Int32(0)) { $0 &* 31 &+ $1 }
    return TinyCache.states([sum] + ids).dropFirst(8).map { $0 }
  }

  private static func entry(
    _ cache: FeatureCache, _ document: CacheDocument, _ coverage: Coverage = .prompt
  ) throws -> CacheEntry {
    let ids = document.ids(coverage)
    return CacheEntry(
      document: document, coverage: coverage,
      records: try cache.records(of: ids, states: states(ids), place: document.place))
  }

  /// A document of `ids`, told from others by its number.
  private static func document(_ number: Int, _ ids: [Int32]) -> CacheDocument {
    var document = TinyCache.document(number)
    document.promptIDs = ids
    return document
  }

  private static func isHit(_ cache: FeatureCache, _ ids: [Int32]) throws -> Bool {
    var states = [Float](repeating: 0, count: ids.count * 8)
    return try states.withUnsafeMutableBufferPointer {
      try cache.states(forTokenIDs: ids, into: $0)
    }
  }

  private static let long = (0..<200).map { Int32($0) }

  /// Documents of several records, two of which begin alike over more than a record.
  private func filled(
    _ name: String = "cache.sqlite", key: CacheKey? = nil, numbers: Range<Int> = 0..<4
  ) throws -> FeatureCache {
    let cache = try FeatureCache.create(
      fixture.path(name), identity: fixture.documentIdentity(codec: "float32"),
      source: fixture.source, encrypted: key != nil, key: key)
    let texts = [Self.long, Array(Self.long.prefix(130)), Array(Self.long.suffix(70)), [7]]
    for number in numbers {
      let document = Self.document(number, texts[number])
      try cache.put([try Self.entry(cache, document)])
      try cache.put([try Self.entry(cache, document, .document)])
    }
    return cache
  }

  @Test func `a longer text is never a hit, and neither is a shorter one`() throws {
    let causal = try fixture.create("causal.sqlite")
    let whole = try fixture.create("whole.sqlite", fixture.documentIdentity())
    let ids = Array(Self.long.prefix(128))
    for cache in [causal, whole] {
      try cache.put([try TinyCache.entry(cache, Self.document(0, ids))])
      #expect(try Self.isHit(cache, ids))
    }
    for (other, shared) in [(Self.long, 128), (Array(ids.prefix(64)), 64), (ids + [3], 128)] {
      #expect(try causal.storedTokens(of: other) == shared)
      #expect(try whole.storedTokens(of: other) == 0)
      #expect(try !Self.isHit(whole, other) && !whole.contains(tokenIDs: other))
    }
    #expect(try Self.isHit(causal, Array(ids.prefix(64))))
    // A change of the last token alone is another text from its first record on.
    #expect(try whole.storedTokens(of: ids.dropLast() + [9]) == 0)
    #expect(try causal.storedTokens(of: ids.dropLast() + [9]) == 64)
  }

  @Test func `every record's key includes every id`() throws {
    let cache = try filled()
    let ids = Self.long
    let keys = Set(cache.links(of: ids).map(\.key))
    #expect(keys.count == 4)
    for place in ids.indices {
      var changed = ids
      changed[place] += 1
      #expect(keys.isDisjoint(with: cache.links(of: changed).map(\.key)))
    }
    #expect(keys.isDisjoint(with: cache.links(of: ids + [1]).map(\.key)))
    let causal = try fixture.create("causal.sqlite", fixture.identity(codec: "float32"))
    #expect(keys.isDisjoint(with: causal.links(of: ids).map(\.key)))
  }

  @Test(arguments: [nil, String(repeating: "5a", count: 32)])
  func `what is stored is read, verified and asked`(key: String?) throws {
    let key = try key.map { try CacheKey(hexadecimal: $0, from: "the test") }
    try filled(key: key).close()
    let cache = try FeatureCache.open(fixture.path(), key: key)
    #expect(cache.identity.scope == .document)
    #expect(try cache.verify() == [])
    for entry in try cache.documents() {
      for coverage in Coverage.allCases {
        let ids = try cache.document(entry.id).ids(coverage)
        #expect(try TinyCache.read(cache, entry.id, coverage) == Self.states(ids))
      }
    }
    let savings = try cache.table(.savings)
    let row = try #require(savings.rows.first)
    let place = try #require(savings.columns.firstIndex(of: "saved_by_shared_beginnings"))
    #expect(row[place] == "0")
    let kind = try #require(try cache.table(.bySource).columns.firstIndex(of: "kind"))
    #expect(try cache.table(.bySource).rows[0][kind] == "document states")
    for view in CacheView.allCases { _ = try cache.table(view) }
    // 200, 130, 70 and 1 tokens, and as many with three more of a response, in records of 64.
    #expect(try cache.statistics().records == 4 + 3 + 2 + 1 + 4 + 3 + 2 + 1)
  }

  @Test func `a stream that can't be added leaves the file as it was`() throws {
    try fixture.create().close()
    var identity = fixture.documentIdentity()
    identity.tokenizer = String(repeating: "00", count: 32)
    #expect(throws: CacheError.self) {
      try FeatureCache.create(
        fixture.path(), identity: identity, source: fixture.source, beside: true)
    }
    let queue = try DatabaseQueue(path: fixture.path())
    try queue.write { db in
      try db.execute(
        sql: """
          CREATE TRIGGER refuse AFTER INSERT ON streams BEGIN SELECT raise(ABORT, 'no'); END
          """)
    }
    try queue.close()
    #expect(throws: CacheError.self) {
      try FeatureCache.create(
        fixture.path(), identity: fixture.documentIdentity(), source: fixture.source, beside: true)
    }
    let streams = "SELECT count(*) FROM streams; SELECT count(*) FROM sources"
    #expect(try TinyCache.sqlite3(fixture.path(), streams) == "1\n1\n")
  }

  @Test func `causal and document states of the same source are other states`() throws {
    try filled().close()
    let message = TinyCache.message {
      _ = try FeatureCache.open(
        fixture.path(), expecting: fixture.identity(codec: "float32"))
    }
    #expect(
      message.contains(
        "what a state depends on is the whole document in the cache and the tokens up to its own here"
      ))
  }

  @Test func `the identity's JSON says the scope where it is not causal`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let causal = String(decoding: try encoder.encode(fixture.identity()), as: UTF8.self)
    #expect(!causal.contains("scope"))
    let whole = try encoder.encode(fixture.documentIdentity())
    #expect(String(decoding: whole, as: UTF8.self).contains(#""scope":"document""#))
    let decoder = JSONDecoder()
    #expect(try decoder.decode(CacheIdentity.self, from: whole) == fixture.documentIdentity())
    #expect(
      try decoder.decode(CacheIdentity.self, from: Data(causal.utf8)) == fixture.identity())
    let other = causal.dropLast() + #","scope":"left"}"#
    #expect(throws: DecodingError.self) {
      try decoder.decode(CacheIdentity.self, from: Data(other.utf8))
    }
  }

  @Test func `shards merge to what one run makes, and purging takes a document's own records`()
    throws
  {
    let whole = try filled("whole.sqlite")
    let merged = try filled("a.sqlite", numbers: 0..<2)
    _ = try merged.merge(try filled("b.sqlite", numbers: 1..<4))
    #expect(try merged.contentDigest() == whole.contentDigest())
    // Into a file that has none yet, beside what it has.
    let causal = try fixture.create("causal.sqlite")
    _ = try causal.merge(merged, beside: true)
    #expect(try causal.streams().count == 2 && causal.verify() == [])
    let first = try #require(try merged.documents().first)
    #expect(try merged.purge([first.id]).records == 8)
    #expect(try merged.verify() == [])
    #expect(try !Self.isHit(merged, Self.long))
    #expect(try Self.isHit(merged, Array(Self.long.prefix(130))))
    try causal.close()
  }

  @Test(arguments: [
    "UPDATE records SET key = randomblob(32) WHERE id = 2",
    "UPDATE records SET parent = NULL WHERE id = 2",
    "UPDATE records SET parent = id WHERE id = 2",
    "UPDATE records SET ids = zeroblob(128) WHERE id = 1",
    "UPDATE records SET ids = zeroblob(128) WHERE id = 3",
    "UPDATE records SET first = 0 WHERE id = 3",
    "UPDATE records SET payload = zeroblob(9) WHERE id = 4",
    "UPDATE chains SET tail = 3 WHERE tail = 4",
  ])
  func `damage is found and mended`(sql: String) throws {
    let cache = try filled()
    let digest = try cache.contentDigest()
    try cache.close()
    _ = try TinyCache.sqlite3(fixture.path(), sql)
    let damaged = try FeatureCache.open(fixture.path(), .write)
    #expect(try !damaged.verify().isEmpty)
    for id in try damaged.documentIDs() {
      for coverage in Coverage.allCases {
        try damaged.mend([try Self.entry(damaged, try damaged.document(id), coverage)])
      }
    }
    #expect(try damaged.verify() == [])
    #expect(try damaged.contentDigest() == digest)
  }

  @Test func `a record whose key is of other ids is named`() throws {
    let cache = try filled()
    try cache.close()
    // The tail gone, the head's key says more tokens than there are.
    _ = try TinyCache.sqlite3(
      fixture.path(),
      "DELETE FROM chains WHERE tail = 4; DELETE FROM records WHERE id = 4")
    let damage = try FeatureCache.open(fixture.path()).verify().map(\.description)
    #expect(damage.contains { $0.contains("row 1: its key is not that of its tokens") })
  }

  @Test func `generation's misses and hits`() throws {
    let cache = try filled()
    let asked = Self.document(8, Array(Self.long.prefix(90)))
    #expect(try cache.storedTokens(of: asked.promptIDs) == 0)
    try cache.storeMiss(try Self.entry(cache, asked))
    #expect(try Self.isHit(cache, asked.promptIDs))
    try cache.noteHit(forTokenIDs: asked.promptIDs)
    #expect(try cache.verify() == [])
  }
}
