import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// What a damaged file never does: crash, or give out states that were not put in.
@Suite struct DamageTests {
  let fixture: TinyCache
  private let documents = (0..<3).map { TinyCache.document($0, tokens: 130, shared: 64) }

  init() throws {
    fixture = try TinyCache()
    let cache = try fixture.create()
    for document in documents { try cache.put([try TinyCache.entry(cache, document)]) }
    try cache.close()
  }

  /// What is read is what was put in, or an error, or a miss; returns the number of documents that
  /// are intact.
  private func intactDocuments(_ cache: FeatureCache) throws -> Int {
    var intact = 0
    let entries: [DocumentEntry]
    do throws(CacheError) {
      entries = try cache.documents()
    } catch {
      // Counts that no states could have are named before a size is computed from them.
      guard case .damaged = error else { throw error }
      return 0
    }
    for entry in entries {
      guard let document = try? cache.document(entry.id) else { continue }
      guard let original = documents.first(where: { $0.line == document.line }),
        document == original
      else {
        Issue.record("a document came out changed")
        continue
      }
      guard let states = try? TinyCache.read(cache, entry.id) else { continue }
      var expected = TinyCache.states(original.promptIDs)
      try expected.withUnsafeMutableBufferPointer {
        try cache.roundTrip($0.baseAddress!, tokens: 130, place: "test")
      }
      #expect(states == expected)
      intact += 1
    }
    return intact
  }

  @Test(arguments: [
    "UPDATE records SET payload = zeroblob(length(payload)) WHERE id = 2",
    "UPDATE records SET payload = substr(payload, 1, 9) WHERE id = 2",
    "UPDATE records SET payload = (SELECT payload FROM records WHERE id = 5) WHERE id = 3",
    "UPDATE records SET payload = (SELECT payload FROM records WHERE id = 4), checksum = "
      + "(SELECT checksum FROM records WHERE id = 4), ids = (SELECT ids FROM records WHERE id = 4) WHERE id = 2",
    "UPDATE records SET key = randomblob(32) WHERE id = 2",
    "UPDATE records SET parent = NULL WHERE id = 2",
    "UPDATE records SET parent = 3 WHERE id = 2",
    "UPDATE records SET parent = id WHERE id = 2",
    "UPDATE records SET first = 128 WHERE id = 2",
    "UPDATE records SET tokens = 63 WHERE id = 2",
    "UPDATE records SET ids = zeroblob(256) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(255) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(128) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(129) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(0) WHERE id = 2",
    "UPDATE records SET ids = CAST(substr(ids, 1, 64) || x'01' || substr(ids, 66) AS BLOB) WHERE id = 2",
    "UPDATE records SET tokens = 32 WHERE id = 2",
    "UPDATE records SET tokens = 0 WHERE id = 2",
    "UPDATE records SET tokens = -64 WHERE id = 2",
    "UPDATE records SET tokens = 4611686018427387968 WHERE id = 2",
    "UPDATE records SET codec = 'float32' WHERE id = 2",
    "UPDATE records SET raw_bytes = raw_bytes + 1 WHERE id = 2",
    "UPDATE records SET error_rms = error_rms / 2 WHERE id = 2",
    "UPDATE records SET error_max = 0 WHERE id = 2",
    "UPDATE records SET checksum = zeroblob(32) WHERE id = 2",
    "PRAGMA foreign_keys = OFF; DELETE FROM records WHERE id = 2",
    "PRAGMA foreign_keys = OFF; UPDATE records SET stream = 9 WHERE id = 2",
    "UPDATE documents SET split = 'test' WHERE id = 1",
    "UPDATE documents SET form = 'messages' WHERE id = 1",
    "UPDATE documents SET prompt = 'another' WHERE id = 1",
    "UPDATE documents SET response = 'another' WHERE id = 1",
    "UPDATE documents SET sealed = zeroblob(40) WHERE id = 1",
    "UPDATE documents SET key = randomblob(32) WHERE id = 1",
    "UPDATE documents SET checksum = randomblob(32) WHERE id = 1",
    "PRAGMA foreign_keys = OFF; DELETE FROM documents WHERE id = 1",
    "UPDATE encodings SET prompt = 'another' WHERE document = 1",
    "UPDATE encodings SET prompt_ids = zeroblob(40) WHERE document = 1",
    "UPDATE encodings SET prompt_ids = zeroblob(41) WHERE document = 1",
    "UPDATE encodings SET response_ids = zeroblob(4) WHERE document = 1",
    "UPDATE encodings SET prompt_tokens = 3 WHERE document = 1",
    "UPDATE encodings SET prompt_tokens = 65 WHERE document = 1",
    "UPDATE encodings SET prompt_tokens = 0 WHERE document = 1",
    "UPDATE encodings SET prompt_tokens = -130 WHERE document = 1",
    "UPDATE encodings SET response_tokens = 4611686018427387907 WHERE document = 1",
    "UPDATE encodings SET sealed = zeroblob(40) WHERE document = 1",
    "UPDATE encodings SET key = randomblob(32) WHERE document = 1",
    "UPDATE encodings SET checksum = randomblob(32) WHERE document = 1",
    "UPDATE encodings SET document = -document WHERE document <> 2; "
      + "UPDATE encodings SET document = document + 4 WHERE document < 0",
    "PRAGMA foreign_keys = OFF; UPDATE encodings SET source = 7 WHERE document = 1",
    "DELETE FROM encodings WHERE document = 1",
    "UPDATE members SET split = 'test' WHERE document = 1",
    "UPDATE members SET corpus = 'another' WHERE document = 1",
    "UPDATE members SET line = 77 WHERE document = 1",
    "UPDATE members SET checksum = randomblob(32) WHERE document = 1",
    "UPDATE members SET document = -document WHERE document <> 2; "
      + "UPDATE members SET document = document + 4 WHERE document < 0",
    "DELETE FROM members WHERE document = 1",
    "UPDATE chains SET tail = 3 WHERE document = 2",
    "UPDATE chains SET tokens = 7 WHERE document = 2",
    "DELETE FROM chains WHERE document = 2",
    "INSERT INTO chains SELECT document, stream, 'document', tokens, tail FROM chains WHERE document = 2; "
      + "PRAGMA ignore_check_constraints = ON; UPDATE chains SET coverage = 'all' WHERE coverage = 'document'",
  ])
  func changedColumnsAreFound(sql: String) throws {
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    let cache = try FeatureCache.open(fixture.path())
    #expect(try !cache.verify().isEmpty)
    _ = try intactDocuments(cache)
  }

  /// SQLite's own check looks at the schema's conditions only where a file is open for writing.
  @Test(arguments: [
    ("kind = 'guess'", "there is no kind `guess`"), ("status = 'odd'", "there is no status `odd`"),
    ("plan = '{'", "its plan is not JSON"), ("options = ''", "its options is not JSON"),
    ("outcomes = 'none'", "its outcomes is not JSON"),
  ])
  func aChangedRunIsFound(change: String, reason: String) throws {
    let writer = try FeatureCache.open(fixture.path(), .write)
    try writer.note(try writer.beginRun(.precompute), RunProgress(), .finished)
    try writer.close()
    #expect(try FeatureCache.open(fixture.path()).verify() == [])
    let sql = "PRAGMA ignore_check_constraints = ON; UPDATE runs SET \(change)"
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    let found = try FeatureCache.open(fixture.path()).verify()
    #expect(found.map(\.description) == ["run 1: \(reason)"])
  }

  @Test(arguments: [
    "UPDATE sources SET tokenizer = zeroblob(3)", "UPDATE sources SET weights_sha256 = 'x'",
    "UPDATE sources SET tokenizer = zeroblob(0)",
    "UPDATE sources SET tokenizer = CAST(substr(tokenizer, 1, 20) AS BLOB)",
    "UPDATE sources SET tokenizer = CAST(tokenizer || tokenizer AS BLOB)",
    "UPDATE sources SET architecture = '{}'", "UPDATE sources SET name = 'x'",
    "UPDATE sources SET chat_template = 'x'", "UPDATE streams SET layer = 3",
    "UPDATE streams SET width = 1000000", "UPDATE streams SET kind = 'logits'",
    "UPDATE streams SET normalized = 7",
    "UPDATE streams SET chunk_tokens = 32", "UPDATE streams SET codec = 'int3'",
    "UPDATE streams SET key = zeroblob(32)",
    "DELETE FROM chains; DELETE FROM records; DELETE FROM streams", "DROP TABLE streams",
  ])
  func aChangedSourceIsNotOpened(sql: String) throws {
    #expect(try TinyCache.sqlite3(fixture.path(), "PRAGMA foreign_keys = OFF; " + sql) == "")
    for access in [FeatureCache.Access.read, .write] {
      let found = TinyCache.message { _ = try FeatureCache.open(fixture.path(), access) }
      #expect(!found.contains("verify"), "it opens the file, too")
      #expect(found.contains("restore it from a copy") || sql.hasPrefix("DROP"), "\(found)")
    }
  }

  @Test func aTokenizerThatWouldFillMemoryIsNotExpanded() throws {
    // A zstd frame that says its content has 2^62 bytes.
    let sql = "UPDATE sources SET tokenizer = x'28B52FFDE00000000000000040'"
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    #expect(
      TinyCache.message { _ = try FeatureCache.open(fixture.path()) }.contains(
        "its tokenizer: its content is not declared as at most 256000000 bytes"))
  }

  @Test func aFlippedByteAnywhereIsNeverReturned() throws {
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: fixture.path())))
    let broken = fixture.path("broken.sqlite")
    var missed: [Int] = []
    // A prime stride reaches every page and every kind of column. (Every 37th byte has been tried,
    // too.)
    for index in stride(from: 0, to: whole.count, by: 149) {
      var bytes = whole
      bytes[index] ^= 0x10
      try Data(bytes).write(to: URL(fileURLWithPath: broken))
      guard let cache = try? FeatureCache.open(broken), let intact = try? intactDocuments(cache)
      else { continue }
      let damage = try cache.verify()
      if intact < documents.count && damage.isEmpty { missed.append(index) }
    }
    #expect(missed == [])
  }

  @Test func aTruncatedFileIsAnError() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path()))
    let broken = fixture.path("broken.sqlite")
    for count in stride(from: 0, to: whole.count, by: 1511) {
      try whole.prefix(count).write(to: URL(fileURLWithPath: broken))
      guard let cache = try? FeatureCache.open(broken) else { continue }
      #expect(try !cache.verify().isEmpty, "\(count) of \(whole.count) bytes")
      if let intact = try? intactDocuments(cache) { #expect(intact <= documents.count) }
    }
  }

  @Test(arguments: [
    "UPDATE records SET payload = zeroblob(9) WHERE id = 2",
    "UPDATE records SET key = randomblob(32) WHERE id = 2",
    "UPDATE records SET ids = zeroblob(4) WHERE id = 3", "UPDATE chains SET tail = 3",
    "DELETE FROM chains",
    "UPDATE records SET parent = NULL WHERE id = 2",
    "PRAGMA foreign_keys = OFF; DELETE FROM records WHERE id = 1",
  ])
  func damagedStatesAreMended(sql: String) throws {
    let before = try FeatureCache.open(fixture.path()).contentDigest()
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    let cache = try FeatureCache.open(fixture.path(), .write)
    #expect(try !cache.verify().isEmpty)
    try cache.mend(
      documents.map { document in
        CacheEntry(
          document: document, coverage: .prompt,
          records: try cache.records(
            of: document.promptIDs, states: TinyCache.states(document.promptIDs),
            place: document.place))
      })
    #expect(try cache.verify() == [])
    #expect(try cache.contentDigest() == before)
  }

  /// A batch at a time; what was mended before the source fails is kept, and the next mending removes what is left over.
  @Test func `damaged states are mended in batches`() throws {
    let before = try FeatureCache.open(fixture.path()).contentDigest()
    let sql = "UPDATE records SET key = randomblob(32); DELETE FROM chains"
    #expect(try TinyCache.sqlite3(fixture.path(), sql) == "")
    let cache = try FeatureCache.open(fixture.path(), .write)
    let entries = try documents.map { document in
      CacheEntry(
        document: document, coverage: .prompt,
        records: try cache.records(
          of: document.promptIDs, states: TinyCache.states(document.promptIDs),
          place: document.place))
    }
    var rest = entries[...]
    #expect(throws: CancellationError.self) {
      try cache.mend {
        guard rest.count > 1 else { throw CancellationError() }
        return [rest.removeFirst()]
      }
    }
    #expect(try cache.documents().count == 2)
    try cache.mend { rest.popFirst().map { [$0] } ?? [] }
    #expect(try cache.verify() == [] && cache.contentDigest() == before)
  }
}
