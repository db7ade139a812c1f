import Crypto
import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// An encrypted cache: the same to who has the key, and nothing to who has the file.
@Suite struct EncryptionTests {
  let fixture: TinyCache
  private let key: CacheKey
  private let other: CacheKey

  init() throws {
    fixture = try TinyCache()
    key = try CacheKey(hexadecimal: String(repeating: "0f", count: 32), from: "the test")
    other = try CacheKey(hexadecimal: String(repeating: "A5", count: 32) + "\n", from: "the test")
  }

  private func create(_ name: String = "cache.sqlite") throws -> FeatureCache {
    try FeatureCache.create(
      fixture.path(name), identity: fixture.identity(codec: "float32"), source: fixture.source,
      encrypted: true, key: key)
  }

  private func filled(_ name: String = "cache.sqlite") throws {
    let cache = try create(name)
    for number in 0..<4 {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    try cache.close()
  }

  @Test func whoHasTheKeyReadsTheSame() throws {
    try filled()
    let cache = try FeatureCache.open(fixture.path(), key: key)
    #expect(cache.isEncrypted)
    #expect(try cache.verify() == [])
    #expect(
      try cache.documents().map { try cache.document($0.id) }
        == (0..<4).map { TinyCache.document($0, tokens: 100, shared: 64) })
    for entry in try cache.documents() {
      let ids = try cache.document(entry.id).promptIDs
      #expect(entry.promptTokens == 100)
      #expect(try TinyCache.read(cache, entry.id) == TinyCache.states(ids))
      #expect(try cache.contains(tokenIDs: ids) && cache.storedTokens(of: ids + [3]) == 64)
    }
    for view in CacheView.allCases { _ = try cache.table(view) }
  }

  @Test func anotherKeyOrNoneIsRefused() throws {
    try filled()
    #expect(
      TinyCache.message { _ = try FeatureCache.open(fixture.path()) }.contains("DENJU_CACHE_KEY"))
    for access in [FeatureCache.Access.read, .write] {
      #expect(
        TinyCache.message { _ = try FeatureCache.open(fixture.path(), access, key: other) }
          .contains("another key"))
    }
    // The key of an encrypted cache does no harm to one that is not.
    try fixture.create("plain").close()
    #expect(try !FeatureCache.open(fixture.path("plain"), key: key).isEncrypted)
    #expect(
      TinyCache.message {
        _ = try FeatureCache.create(
          fixture.path("plain"), identity: fixture.identity(), source: fixture.source,
          encrypted: true, key: key)
      }.contains("not encrypted"))
    for text in ["", "0f", String(repeating: "0f", count: 33), String(repeating: "0g", count: 32)] {
      #expect(
        TinyCache.message { _ = try CacheKey(hexadecimal: text, from: "here") }.contains("here"))
    }
  }

  /// Of a document: no text, no token ids, no states, and no hash of them that needs no key.
  @Test func nothingOfADocumentIsInTheFile() throws {
    try filled()
    let plain = try FeatureCache.create(
      fixture.path("plain"), identity: fixture.identity(codec: "float32"), source: fixture.source)
    for number in 0..<4 {
      try plain.put([
        try TinyCache.entry(plain, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    try plain.close()
    let hidden = try Data(contentsOf: URL(fileURLWithPath: fixture.path()))
    let open = try Data(contentsOf: URL(fileURLWithPath: fixture.path("plain")))
    var secrets: [Data] = []
    for number in 0..<4 {
      let document = TinyCache.document(number, tokens: 100, shared: 64)
      secrets += [Data(document.prompt), Data(document.response)]
      // Some ids in a row, and some values in a row.
      secrets.append(document.promptIDs[66..<70].withUnsafeBytes { Data($0) })
      secrets.append(
        document.promptIDs[66..<70].map(UInt16.init).withUnsafeBytes { Data($0) })
      secrets.append(Data(SHA256.hash(data: Data(document.prompt))))
    }
    for column in [
      "records WHERE id = 1", "documents WHERE id = 1", "encodings WHERE document = 1",
    ] {
      for name in ["key", "checksum"] {
        let hash = try TinyCache.sqlite3(
          fixture.path("plain"), "SELECT hex(\(name)) FROM \(column)")
        secrets.append(
          Data(
            stride(from: 0, to: 64, by: 2).map { place in
              let start = hash.index(hash.startIndex, offsetBy: place)
              return UInt8(hash[start...].prefix(2), radix: 16)!
            }))
      }
    }
    let payload = try TinyCache.sqlite3(
      fixture.path("plain"), "SELECT length(payload) FROM records WHERE id = 1")
    #expect(Int(payload.dropLast()) != nil)
    // What a codec measured, and exact sizes, would confirm a guess as a hash does.
    let sizes = try TinyCache.sqlite3(
      fixture.path(), "SELECT DISTINCT (length(payload) - 28) % 512 FROM records")
    #expect(sizes == "0\n")
    for secret in secrets.filter({ $0.count >= 8 }) {
      #expect(hidden.range(of: secret) == nil)
    }
    #expect(secrets.contains { open.range(of: $0) != nil }, "the search finds what is there")
    #expect(
      try TinyCache.sqlite3(fixture.path(), "SELECT DISTINCT prompt FROM cache_documents")
        == "(encrypted)\n")
  }

  @Test(arguments: [
    "UPDATE records SET payload = (SELECT payload FROM records WHERE id = 3) WHERE id = 2",
    "UPDATE records SET payload = zeroblob(length(payload)) WHERE id = 2",
    "UPDATE records SET payload = zeroblob(3) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(256) WHERE id = 1",
    "UPDATE records SET tokens = 63 WHERE id = 1",
    "UPDATE documents SET sealed = (SELECT sealed FROM documents WHERE id = 2) WHERE id = 1",
    "UPDATE documents SET sealed = NULL WHERE id = 1",
    "UPDATE documents SET split = 'test' WHERE id = 1",
    "UPDATE encodings SET sealed = (SELECT sealed FROM encodings WHERE document = 2) WHERE document = 1",
    "UPDATE encodings SET sealed = NULL WHERE document = 1",
    "UPDATE encodings SET prompt_tokens = 7 WHERE document = 1",
    "UPDATE encodings SET prompt = 'in the open' WHERE document = 1",
    "UPDATE encodings SET prompt_ids = zeroblob(200) WHERE document = 1",
    "UPDATE members SET line = 9 WHERE document = 1",
    "UPDATE documents SET prompt = 'in the open' WHERE id = 1",
    "UPDATE records SET error_max = error_max + 1 WHERE id = 1",
    "UPDATE records SET raw_bytes = 7 WHERE id = 1",
  ])
  func whatIsChangedIsFound(sql: String) throws {
    try filled()
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    #expect(try !FeatureCache.open(fixture.path(), key: key).verify().isEmpty)
  }

  @Test func theKeyIsChanged() throws {
    try filled()
    let cache = try FeatureCache.open(fixture.path(), .write, key: key)
    #expect(
      TinyCache.message { try cache.changeKey(from: other, to: other) }.contains("another key"))
    try cache.changeKey(from: key, to: other)
    try cache.close()
    #expect(
      TinyCache.message { _ = try FeatureCache.open(fixture.path(), key: key) }.contains(
        "another key"))
    #expect(try FeatureCache.open(fixture.path(), key: other).verify() == [])
  }

  @Test func mergingGoesBothWays() throws {
    try filled()
    let plain = try FeatureCache.create(
      fixture.path("plain"), identity: fixture.identity(codec: "float32"), source: fixture.source)
    try plain.put([try TinyCache.entry(plain, TinyCache.document(9, tokens: 100, shared: 64))])
    #expect(try plain.merge(FeatureCache.open(fixture.path(), key: key)).stored == 4)
    #expect(try plain.verify() == [])
    let sealed = try create("sealed")
    #expect(try sealed.merge(plain).stored == 5)
    #expect(try sealed.merge(plain).stored == 0)
    #expect(try sealed.verify() == [])
    let found = try sealed.difference(from: plain)
    #expect(found.compared == 5 && found.identical == 500)
  }

  @Test func purgingAndMending() throws {
    try filled()
    let cache = try FeatureCache.open(fixture.path(), .write, key: key)
    try cache.purge([try #require(try cache.documents().first).id])
    #expect(try cache.verify() == [] && cache.documents().count == 3)
    let document = try cache.document(try #require(try cache.documents().first).id)
    let states = TinyCache.states(document.promptIDs)
    let records = try cache.records(of: document.promptIDs, states: states, place: "test")
    try cache.mend([CacheEntry(document: document, coverage: .prompt, records: records)])
    #expect(try cache.verify() == [])
  }
}
