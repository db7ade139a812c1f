import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// Token ids take 2 bytes each where all of a value fit, and 4 where one does not.
@Suite struct TokenIDTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private static let boundary: [(largest: Int32, width: Int)] = [(65_535, 2), (65_536, 4)]

  /// One record's ids end at the boundary; those of the record before it are small.
  private static func document(largest: Int32) -> CacheDocument {
    var document = TinyCache.document(0, tokens: 100)
    document.promptIDs[99] = largest
    document.responseIDs[0] = largest
    return document
  }

  private func expectRoundTrip(_ cache: FeatureCache, _ document: CacheDocument) throws {
    try cache.put([try TinyCache.entry(cache, document, .document)])
    let id = try #require(try cache.documents().first).id
    #expect(try cache.document(id) == document)
    #expect(try TinyCache.read(cache, id, .document) == TinyCache.states(document.ids(.document)))
    #expect(try cache.verify() == [])
  }

  @Test(arguments: boundary)
  func idsAtTheBoundaryComeBack(largest: Int32, width: Int) throws {
    let document = Self.document(largest: largest)
    let cache = try fixture.create("cache.sqlite", fixture.identity(codec: "float32"))
    try expectRoundTrip(cache, document)
    try cache.close()
    #expect(
      try TinyCache.sqlite3(
        fixture.path(),
        """
        SELECT length(ids) / tokens FROM records ORDER BY first;
        SELECT length(prompt_ids) / prompt_tokens, length(response_ids) / response_tokens FROM encodings
        """) == "2\n\(width)\n\(width)|\(width)\n")
    // The largest id's lowest byte in the document, and in the record.
    for change in [
      "encodings SET prompt_ids = CAST(substr(prompt_ids, 1, \(99 * width)) || x'07' "
        + "|| substr(prompt_ids, \(99 * width + 2)) AS BLOB)",
      "records SET ids = CAST(substr(ids, 1, \(35 * width)) || x'07' "
        + "|| substr(ids, \(35 * width + 2)) AS BLOB) WHERE first = 64",
    ] {
      let copy = fixture.path(UUID().uuidString)
      try FileManager.default.copyItem(atPath: fixture.path(), toPath: copy)
      #expect(try TinyCache.sqlite3(copy, "UPDATE \(change)") == "")
      #expect(try !FeatureCache.open(copy).verify().isEmpty)
    }
  }

  @Test(arguments: boundary)
  func encryptedIDsComeBack(largest: Int32, width: Int) throws {
    let key = try CacheKey(hexadecimal: String(repeating: "0f", count: 32), from: "the test")
    let cache = try FeatureCache.create(
      fixture.path(), identity: fixture.identity(codec: "float32"), source: fixture.source,
      encrypted: true, key: key)
    try expectRoundTrip(cache, Self.document(largest: largest))
  }
}
