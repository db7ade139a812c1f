import FeatureCache
import Foundation
import TestSupport
import Testing

/// What generation stores is kept within a limit, and counted.
@Suite struct LimitTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func asked(_ number: Int) -> CacheDocument {
    var document = TinyCache.document(number, tokens: 400, split: .asked)
    document.corpus = "asked"
    document.line = 0
    return document
  }

  private func isHere(_ cache: FeatureCache, _ number: Int) throws -> Bool {
    try cache.contains(tokenIDs: asked(number).promptIDs)
  }

  @Test func theLeastRecentlyUsedGoFirst() throws {
    let cache = try fixture.create("cache.sqlite", fixture.identity(width: 512))
    try cache.put([try TinyCache.entry(cache, TinyCache.document(100, tokens: 400))])
    #expect(try cache.byteLimit() == nil)
    for number in 0..<6 { try cache.storeMiss(try TinyCache.entry(cache, asked(number))) }
    let size = try cache.fileBytes()
    // A use now is later than any storing, as far as seconds tell them apart.
    _ = try TinyCache.sqlite3(fixture.path(), "UPDATE documents SET created = created - 100 + id")
    try cache.noteHit(forTokenIDs: asked(0).promptIDs)
    let (report, fits) = try cache.setByteLimit(size * 2 / 3)
    #expect(fits && report.documents >= 2)
    #expect(try cache.fileBytes() <= size * 2 / 3)
    #expect(try isHere(cache, 0) && !isHere(cache, 1) && !isHere(cache, 2) && isHere(cache, 5))
    // Storing on stays within the limit, and what precompute stored stays.
    for number in 10..<30 {
      try cache.storeMiss(try TinyCache.entry(cache, asked(number)))
      #expect(try isHere(cache, number))
      #expect(try cache.fileBytes() <= size * 2 / 3)
    }
    #expect(try cache.documents(.train).count == 1)
    #expect(try cache.verify() == [])
    try cache.close()
    #expect(try FeatureCache.open(fixture.path()).byteLimit() == size * 2 / 3)
  }

  @Test func whatPrecomputeOwnsIsNeverEvicted() throws {
    let cache = try fixture.create("cache.sqlite", fixture.identity(width: 512))
    try cache.put([try TinyCache.entry(cache, TinyCache.document(100, tokens: 400))])
    try cache.storeMiss(try TinyCache.entry(cache, asked(0)))
    let (report, fits) = try cache.setByteLimit(1000)
    #expect(!fits && report.documents == 1)
    try cache.storeMiss(try TinyCache.entry(cache, asked(1)))
    #expect(try cache.documents().count == 1)
    #expect(try cache.documents(.train).count == 1)
    #expect(try cache.setByteLimit(nil).fits)
    try cache.storeMiss(try TinyCache.entry(cache, asked(1)))
    #expect(try cache.documents().count == 2)
    #expect(try cache.verify() == [])
  }

  @Test func hitsAndMissesAreCounted() throws {
    let cache = try fixture.create()
    try cache.storeMiss(try TinyCache.entry(cache, asked(0)))
    for _ in 0..<3 { try cache.noteHit(forTokenIDs: asked(0).promptIDs) }
    let table = try cache.table(.lookups)
    #expect(table.columns == ["day", "stream", "hits", "misses", "hit_share", "tokens_saved"])
    #expect(table.rows.count == 1)
    #expect(table.rows.first?.dropFirst() == ["1", "3", "1", "0.75", "1200"])
    // Counting changes no content, and nothing that a checksum is over.
    #expect(try cache.verify() == [])
  }
}
