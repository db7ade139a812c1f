import FeatureCache
import Foundation
import GRDB
import Identity
import TestSupport
import Testing

/// Several streams in one file: sources and their versions, layers, codecs side by side.
@Suite struct StreamTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  /// A later version of the fixture's source: other weights, all else the same.
  private var newer: CacheIdentity {
    var identity = fixture.identity()
    identity.weights = String(repeating: "cd", count: 32)
    return identity
  }

  private func put(
    _ identity: CacheIdentity, _ documents: Range<Int>, to name: String = "cache.sqlite"
  )
    throws
  {
    let cache = try FeatureCache.create(
      fixture.path(name), identity: identity, source: fixture.source, beside: true)
    for number in documents {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    try cache.close()
  }

  @Test func aMergeThatIsRefusedAddsNoStream() throws {
    try put(fixture.identity(), 0..<3)
    try put(newer, 0..<3, to: "other.sqlite")
    let other = try DatabaseQueue(path: fixture.path("other.sqlite"))
    try other.write { db in
      try db.execute(sql: "UPDATE records SET payload = zeroblob(length(payload)) WHERE id = 2")
    }
    try other.close()
    let cache = try FeatureCache.open(fixture.path(), .write)
    let before = try cache.contentDigest()
    #expect(throws: CacheError.self) {
      try cache.merge(try FeatureCache.open(fixture.path("other.sqlite")), beside: true)
    }
    #expect(try cache.streams().count == 1 && cache.contentDigest() == before)
    #expect(try cache.verify() == [])
  }

  @Test func eachIsOpenedByItsIdentityOrNumber() throws {
    try put(fixture.identity(), 0..<3)
    try put(newer, 0..<2)
    try put(fixture.identity(codec: "float16"), 0..<1)
    for (number, identity, documents) in [
      (1, fixture.identity(), 3), (2, newer, 2), (3, fixture.identity(codec: "float16"), 1),
    ] {
      let cache = try FeatureCache.open(fixture.path(), expecting: identity)
      #expect(cache.number == number && cache.identity == identity)
      #expect(try cache.documents().count == documents)
      #expect(try cache.statistics().documents == [.train: documents])
      #expect(try FeatureCache.open(fixture.path(), stream: .number(number)).identity == identity)
      #expect(try cache.streams().map(\.number) == [1, 2, 3])
      for entry in try cache.documents() {
        #expect(try TinyCache.read(cache, entry.id).count == 100 * 8)
      }
    }
    let several = TinyCache.message { _ = try FeatureCache.open(fixture.path()) }
    #expect(
      several.contains("3 streams") && several.contains("--stream") && several.contains("float16"))
    #expect(
      TinyCache.message { _ = try FeatureCache.open(fixture.path(), stream: .number(7)) }.contains(
        "stream 7")
    )
    var other = newer
    other.layer = 1
    // The stream that is most like it is named.
    let found = TinyCache.message { _ = try FeatureCache.open(fixture.path(), expecting: other) }
    #expect(found.contains("layer is 2 in the cache and 1 here") && !found.contains("weights"))
    #expect(try FeatureCache.open(fixture.path(), stream: .first).verify() == [])
  }

  @Test func noneIsAddedUnasked() throws {
    try put(fixture.identity(), 0..<1)
    #expect(throws: CacheError.self) {
      try FeatureCache.create(fixture.path(), identity: newer, source: fixture.source)
    }
    var template = fixture.source
    template.chatTemplate = "chatml"
    #expect(throws: CacheError.self) {
      try FeatureCache.create(
        fixture.path(), identity: fixture.identity(layer: 1), source: template, beside: true)
    }
    #expect(try FeatureCache.open(fixture.path()).number == 1)
  }

  @Test func theContentDoesNotDependOnTheOrderOfStreams() throws {
    try put(fixture.identity(), 0..<2, to: "a")
    try put(newer, 0..<2, to: "a")
    try put(newer, 0..<2, to: "b")
    try put(fixture.identity(), 0..<2, to: "b")
    let digests = try ["a", "b"].map {
      try FeatureCache.open(fixture.path($0), stream: .first).contentDigest()
    }
    #expect(digests[0] == digests[1])
  }

  @Test(arguments: [
    "UPDATE records SET payload = zeroblob(length(payload)) WHERE id = (SELECT max(id) FROM records)",
    "UPDATE records SET stream = 1 WHERE id = (SELECT max(id) FROM records)",
    "UPDATE documents SET response = 'x' WHERE id = (SELECT max(id) FROM documents)",
    "DELETE FROM chains WHERE stream = 2",
  ])
  func damageInAnyIsFound(sql: String) throws {
    try put(fixture.identity(), 0..<2)
    try put(newer, 0..<2)
    #expect(try FeatureCache.open(fixture.path(), stream: .first).verify() == [])
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    let damage = try FeatureCache.open(fixture.path(), stream: .first).verify()
    #expect(!damage.isEmpty)
    // A record that was moved is found where it is now.
    let isMoved = sql.contains("SET stream")
    #expect(damage.allSatisfy { isMoved || $0.stream != 1 }, "\(damage)")
  }

  @Test func purgingOneLeavesTheOthers() throws {
    try put(newer, 0..<2, to: "alone")
    try put(fixture.identity(), 0..<3)
    try put(newer, 0..<2)
    let old = try FeatureCache.open(fixture.path(), .write, stream: .number(1))
    let report = try old.purgeStream()
    // The other source has states of two of the three.
    #expect(report.documents == 1 && report.records == 4)
    try old.close()
    let cache = try FeatureCache.open(fixture.path())
    #expect(cache.identity == newer)
    #expect(try cache.verify() == [])
    #expect(
      try cache.contentDigest() == FeatureCache.open(fixture.path("alone")).contentDigest())
    #expect(try TinyCache.sqlite3(fixture.path(), "SELECT count(*) FROM sources") == "1\n")
    try cache.close()
    let last = try FeatureCache.open(fixture.path(), .write)
    #expect(TinyCache.message { _ = try last.purgeStream() }.contains("only stream"))
  }

  /// Two codecs of one source share its documents.
  @Test func aDocumentStaysWhileAStreamHasItsStates() throws {
    try put(fixture.identity(), 0..<3)
    try put(fixture.identity(codec: "float16"), 0..<1)
    #expect(try TinyCache.sqlite3(fixture.path(), "SELECT count(*) FROM documents") == "3\n")
    let cache = try FeatureCache.open(fixture.path(), .write, stream: .number(1))
    #expect(try cache.purgeStream().documents == 2)
    try cache.close()
    let rest = try FeatureCache.open(fixture.path())
    #expect(try rest.documents().count == 1 && rest.verify() == [])
  }

  @Test func mergingTakesEveryStream() throws {
    try put(fixture.identity(), 0..<2, to: "a")
    try put(fixture.identity(), 2..<4, to: "b")
    try put(newer, 0..<2, to: "b")
    let into = try FeatureCache.open(fixture.path("a"), .write)
    let from = try FeatureCache.open(fixture.path("b"), stream: .first)
    let before = try into.contentDigest()
    #expect(TinyCache.message { _ = try into.merge(from) }.contains("weights"))
    #expect(try into.contentDigest() == before)
    let report = try into.merge(from, beside: true)
    #expect(report.stored == 2 && report.extended == 2)
    #expect(try into.verify() == [])
    try into.close()
    try put(newer, 0..<2, to: "whole")
    try put(fixture.identity(), 0..<4, to: "whole")
    let digests = try ["a", "whole"].map {
      try FeatureCache.open(fixture.path($0), stream: .first).contentDigest()
    }
    #expect(digests[0] == digests[1])
  }

  @Test func differences() throws {
    try put(fixture.identity(codec: "float32"), 0..<3)
    try put(fixture.identity(), 1..<5)
    let exact = try FeatureCache.open(fixture.path(), stream: .number(1))
    let rounded = try FeatureCache.open(fixture.path(), stream: .number(2))
    let same = try exact.difference(from: exact)
    #expect(same.compared == 3 && same.tokens == 300 && same.identical == 300)
    #expect(same.relative == 0 && same.worst == nil)
    let found = try exact.difference(from: rounded)
    #expect(found.shared == 2 && found.compared == 2 && found.onlyHere == 1 && found.onlyThere == 2)
    #expect(found.tokens == 200 && found.identical == 0)
    #expect(found.relative > 0.001 && found.relative < 0.01)
    #expect(found.meanRelative > 0.001 && found.largestRelative < 0.02)
    #expect(found.worst != nil)
  }
}
