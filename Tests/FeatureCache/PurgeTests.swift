import FeatureCache
import Foundation
import GRDB
import Identity
import TestSupport
import Testing

/// Deleting that deletes, and joining that keeps.
@Suite struct PurgeTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func bytesOfAllFiles() throws -> Data {
    var bytes = Data()
    for file in try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path) {
      bytes.append(try Data(contentsOf: URL(fileURLWithPath: fixture.path(file))))
    }
    return bytes
  }

  @Test func whatIsPurgedIsInNoneOfTheFiles() throws {
    let cache = try fixture.create("cache.sqlite", fixture.identity(codec: "float32"))
    let documents = (0..<30).map { number in
      var document = TinyCache.document(number, tokens: 140, shared: 64)
      document.prompt = Array(
        "the secret of number \(number) is kept here, far from all others".utf8)
      return document
    }
    for document in documents { try cache.put([try TinyCache.entry(cache, document)]) }
    let victim = documents[13]
    let records = try cache.records(
      of: victim.promptIDs, states: TinyCache.states(victim.promptIDs), place: "test")
    let ids = victim.promptIDs.suffix(20).flatMap { id in
      withUnsafeBytes(of: UInt16(id).littleEndian) { Array($0) }
    }
    // What must be gone: the text, the ids, and the values (as their planes of bytes lie in the
    // file).
    let traces: [Data] = [Data(victim.prompt.prefix(40)), Data(ids)]
    for trace in traces { #expect(try bytesOfAllFiles().range(of: trace) != nil) }
    #expect(records.count == 3)
    let id = try #require(try cache.documentID(victim.key))
    let report = try cache.purge([id])
    // The record of the shared beginning stays.
    #expect(report.documents == 1 && report.records == 2 && report.tokens == 76)
    for trace in traces { #expect(try bytesOfAllFiles().range(of: trace) == nil) }
    #expect(try cache.documents().count == 29)
    #expect(try cache.verify() == [])
    #expect(try !cache.contains(tokenIDs: victim.promptIDs))
    try cache.close()
    for trace in traces { #expect(try bytesOfAllFiles().range(of: trace) == nil) }
  }

  @Test func purgingAllLeavesNothing() throws {
    let cache = try fixture.create()
    for number in 0..<5 {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 70))
      ])
    }
    let before = try cache.statistics().fileBytes
    try cache.purge(try cache.documents().map(\.id))
    let after = try cache.statistics()
    #expect(after.records == 0 && after.documents.isEmpty && after.fileBytes < before)
    #expect(try cache.verify() == [])
  }

  @Test func anUnknownDocumentIsAnErrorAndNothingIsPurged() throws {
    let cache = try fixture.create()
    try cache.put([try TinyCache.entry(cache, TinyCache.document(0))])
    let id = try #require(try cache.documents().first?.id)
    #expect(throws: CacheError.self) { try cache.purge([id, id]) }
    #expect(try cache.documents().count == 1)
  }

  /// What damage left of it goes as well.
  @Test func aDocumentWithoutStatesIsPurged() throws {
    var cache = try fixture.create()
    for number in 0..<3 {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    try cache.close()
    #expect(try TinyCache.sqlite3(fixture.path(), "DELETE FROM chains WHERE document = 2") == "")
    cache = try FeatureCache.open(fixture.path(), .write)
    #expect(try cache.documents().count == 2 && cache.documentIDs(withStatesHere: true).count == 2)
    let ids = try cache.documentIDs()
    #expect(ids.map(\.number) == [1, 2, 3])
    let report = try cache.purge([ids[1]])
    #expect(report.documents == 1 && report.records == 1 && report.tokens == 36)
    #expect(try cache.verify() == [])
  }

  @Test func `documents without states are purged together`() throws {
    var cache = try fixture.create()
    let count = 400
    try cache.put(
      try (0..<count).map { number in
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 4))
      })
    try cache.close()
    #expect(
      try TinyCache.sqlite3(fixture.path(), "DELETE FROM chains WHERE document % 2 = 0") == "")
    cache = try FeatureCache.open(fixture.path(), .write)
    let ids = try cache.documentIDs()
    for remainder in [0, 1] as [Int64] {
      let chosen = ids.filter { $0.number % 2 == remainder }
      #expect(try cache.purge(chosen).records == chosen.count)
    }
    #expect(try cache.verify() == [] && cache.documentIDs().isEmpty)
  }

  /// A reader in a transaction keeps the log from being emptied, and a plain file from getting one.
  @Test func aReaderInTheWayIsNamedAndNothingIsLost() throws {
    var cache = try fixture.create()
    for number in 0..<3 { try cache.put([try TinyCache.entry(cache, TinyCache.document(number))]) }
    let ids = try cache.documentIDs()
    var reader = try DatabaseQueue(path: fixture.path())
    try reader.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM records")
      let found = TinyCache.message { try cache.purge([ids[0]]) }
      #expect(
        found.contains(
          "can't empty the log: a reader or another program has \(fixture.path()) open: close it"))
      #expect(found.contains("denju cache compact"))
    }
    #expect(try cache.verify() == [] && cache.documentIDs().count == 2)
    try reader.close()
    try cache.compact()
    try cache.close()
    reader = try DatabaseQueue(path: fixture.path())
    try reader.read { db in
      _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM records")
      let found = TinyCache.message { _ = try FeatureCache.open(fixture.path(), .write) }
      #expect(
        found.contains(
          "can't open: a reader or another program has \(fixture.path()) open: close it"))
    }
    try reader.close()
    cache = try FeatureCache.open(fixture.path(), .write)
    #expect(try cache.verify() == [] && cache.documentIDs().count == 2)
  }

  private func shard(_ name: String, _ numbers: [Int], codec: String = "int8") throws
    -> FeatureCache
  {
    let cache = try fixture.create(name, fixture.identity(codec: codec))
    let run = try cache.beginRun(.precompute, options: #"{"shard":"\#(name)"}"#)
    for number in numbers {
      try cache.put(
        [try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))], run: run)
    }
    try cache.note(run, RunProgress(), .finished)
    return cache
  }

  @Test func mergedShardsEqualOneRun() throws {
    let whole = try shard("whole.sqlite", Array(0..<12))
    let merged = try fixture.create("merged.sqlite")
    for index in [2, 0, 3, 1] {
      let numbers = Array(stride(from: index, to: 12, by: 4)) + [5]
      let part = try shard("shard-\(index).sqlite", numbers)
      let report = try merged.merge(part)
      #expect(report.stored + report.present == Set(numbers).count)
    }
    #expect(try merged.contentDigest() == whole.contentDigest())
    #expect(try merged.table(.runs).rows.count == 4)
    #expect(try merged.verify() == [])
    let again = try merged.merge(whole)
    #expect(again.stored == 0 && again.present == 12)
    #expect(try merged.contentDigest() == whole.contentDigest())
  }

  @Test func conflictsAreRefusedWhole() throws {
    let cache = try shard("cache.sqlite", [0, 1])
    let before = try cache.contentDigest()
    #expect(throws: CacheError.self) {
      try cache.merge(try shard("float16.sqlite", [3], codec: "float16"))
    }
    let other = try fixture.create("other.sqlite")
    let document = TinyCache.document(1, tokens: 100, shared: 64)
    var states = TinyCache.states(document.promptIDs)
    states[7] += 100
    try other.put([try TinyCache.entry(other, TinyCache.document(9))])
    try other.put([
      CacheEntry(
        document: document, coverage: .prompt,
        records: try other.records(of: document.promptIDs, states: states, place: "test"))
    ])
    let error = #expect(throws: CacheError.self) { try cache.merge(other) }
    #expect(error?.description.contains("the same tokens decode to other states") == true)
    let moved = try fixture.create("moved.sqlite")
    try moved.put([
      try TinyCache.entry(moved, TinyCache.document(1, tokens: 100, split: .test, shared: 64))
    ])
    #expect(throws: CacheError.self) { try cache.merge(moved) }
    #expect(try cache.contentDigest() == before)
  }
}
