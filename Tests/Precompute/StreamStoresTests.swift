import FeatureCache
import Foundation
import Identity
import Precompute
import TestSupport
import Testing

/// What becomes of the streams of a file when one of them can't be stored.
@Suite struct StreamStoresTests {
  /// The first to fail is named, and nothing is being written any more: the others have all that they were given.
  @Test func `every stream is finished, whichever fails`() throws {
    let fixture = try TinyCache()
    for codec in ["int8", "float16", "float32"] {
      try FeatureCache.create(
        fixture.path(), identity: fixture.identity(codec: codec), source: fixture.source,
        beside: true
      ).close()
    }
    let streams = try FeatureCache.open(fixture.path(), .write, stream: .first).streams()
    try #require(streams.count == 3)
    let stores = StreamStores(streams, run: nil)
    // Without states, which are not there either.
    for (place, number) in [(0, 7), (2, 8)] {
      try stores.add(
        place, CacheEntry(document: TinyCache.document(number), coverage: .prompt, records: []))
    }
    for number in 0..<3 {
      try stores.add(1, try TinyCache.entry(streams[1], TinyCache.document(number)))
    }
    let found = TinyCache.line { try stores.finish() }
    #expect(found.contains("corpus.jsonl:8 has no states"), "\(found)")
    #expect(try streams.map { try $0.documents().count } == [0, 3, 0])
    #expect(TinyCache.line { try stores.finish() } == found)
  }
}

extension TinyCache {
  /// What an error says.
  fileprivate static func line(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch {
      return "\(error)"
    }
  }
}
