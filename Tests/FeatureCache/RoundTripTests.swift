import FeatureCache
import Foundation
import TestSupport
import Testing

@Suite struct RoundTripTests {
  @Test(arguments: ["int8", "float16", "float32"])
  func statesReadAreThoseOfTheRoundTrip(codec: String) throws {
    let fixture = try TinyCache()
    let cache = try fixture.create("cache.sqlite", fixture.identity(codec: codec))
    let documents = [1, 63, 64, 65, 128, 200].enumerated().map {
      TinyCache.document($0, tokens: $1)
    }
    let report = try cache.put(documents.map { try TinyCache.entry(cache, $0) })
    #expect(report.stored == documents.count)
    #expect(report.records == 1 + 1 + 1 + 2 + 2 + 4)
    let listed = try cache.documents(.train)
    #expect(listed.map(\.promptStates) == [1, 63, 64, 65, 128, 200])
    for (entry, document) in zip(listed, documents) {
      #expect(try cache.document(entry.id) == document)
      var expected = TinyCache.states(document.promptIDs)
      try expected.withUnsafeMutableBufferPointer {
        try cache.roundTrip($0.baseAddress!, tokens: document.promptIDs.count, place: "test")
      }
      #expect(try TinyCache.read(cache, entry.id) == expected)
    }
    try cache.close()
    let again = try FeatureCache.open(fixture.path(), expecting: fixture.identity(codec: codec))
    #expect(try again.documents() == listed)
    #expect(again.source == fixture.source)
  }
}
