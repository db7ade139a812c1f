import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// What training on several streams of a file asks of them.
@Suite struct SharedDocumentTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func open(
    _ identity: CacheIdentity, _ name: String = "cache.sqlite"
  ) throws -> FeatureCache {
    try FeatureCache.create(
      fixture.path(name), identity: identity, source: fixture.source, beside: true)
  }

  @Test func `the documents that several streams have, and how many only some have`() throws {
    var newer = fixture.identity()
    newer.weights = String(repeating: "cd", count: 32)
    let identities = [fixture.identity(), fixture.identity(codec: "float16"), newer]
    for (identity, numbers) in zip(identities, [[4, 0, 1, 2], [2, 1, 3], [1, 2, 0, 5]]) {
      let cache = try open(identity)
      for number in numbers {
        try cache.put([try TinyCache.entry(cache, TinyCache.document(number))])
      }
      try cache.put([try TinyCache.entry(cache, TinyCache.document(9, split: .test))])
      try cache.close()
    }
    let streams = try FeatureCache.open(fixture.path(), stream: .first).streams()
    let found = try FeatureCache.shared(by: streams, .train, .prompt)
    #expect(try found.ids.map { try streams[0].document($0).line } == [2, 3])
    #expect(found.entries.map { $0.map(\.id) } == Array(repeating: found.ids, count: 3))
    #expect(found.lacking == [2, 3, 2] && found.partial == 4 && found.total == 6)
    let pair = try FeatureCache.shared(by: [streams[0], streams[2]], .train, .prompt)
    #expect(try pair.ids.map { try streams[0].document($0).line } == [1, 2, 3])
    #expect(pair.lacking == [1, 1] && pair.partial == 2)
    #expect(try FeatureCache.shared(by: streams, .train, .document).total == 0)
    #expect(try FeatureCache.shared(by: streams, .test, .prompt).ids.count == 1)
    let elsewhere = try open(fixture.identity(), "elsewhere.sqlite")
    #expect(
      TinyCache.message { _ = try FeatureCache.shared(by: [streams[0], elsewhere], nil, .prompt) }
        .contains("another file"))
  }
}
