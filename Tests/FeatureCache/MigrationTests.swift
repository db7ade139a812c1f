import FeatureCache
import Foundation
import GRDB
import Identity
import TestSupport
import Testing

/// Files of before: brought to this program's schema by whoever may write them, and the same in it.
@Suite struct MigrationTests {
  let fixture: TinyCache
  private let documents = (0..<4).map { TinyCache.document($0, tokens: 100, shared: 64) }

  init() throws {
    fixture = try TinyCache()
  }

  /// Version 4 said that a file has states of whole documents.
  private func identity(_ version: Int) -> CacheIdentity {
    version == 4 ? fixture.documentIdentity() : fixture.identity()
  }

  /// A cache of a version, and its content's digest before.
  @discardableResult
  private func old(_ version: Int, _ name: String = "cache.sqlite") throws -> String {
    let cache = try fixture.create(name, identity(version))
    for document in documents { try cache.put([try TinyCache.entry(cache, document)]) }
    var asked = TinyCache.document(9, tokens: 70)
    (asked.split, asked.corpus, asked.line, asked.response) = (.asked, "asked", 0, [])
    try cache.put([try TinyCache.entry(cache, asked)])
    let digest = try cache.contentDigest()
    try cache.close()
    try OlderCache.make(
      of: fixture.path(name), version: version, tokenizer: fixture.tokenizer)
    return digest
  }

  private func ask(_ sql: String, _ name: String = "cache.sqlite") throws -> String {
    try TinyCache.sqlite3(fixture.path(name), sql)
  }

  /// Every column of every table, and every index and view.
  private func shape(_ name: String) throws -> String {
    try ask(
      """
      SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema m, pragma_table_xinfo(m.name) c
      WHERE m.type = 'table' ORDER BY m.name, c.name;
      SELECT type, name, tbl_name FROM sqlite_schema WHERE type <> 'table' ORDER BY name;
      SELECT m.name, f."table", f."from", f."to" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
      ORDER BY m.name, f."from"
      """, name)
  }

  @Test(arguments: [1, 2, 3, 4], [FeatureCache.Access.read, .write])
  func `an older file is migrated, and is what it was`(
    version: Int, access: FeatureCache.Access
  ) throws {
    let digest = try old(version)
    try fixture.create("new.sqlite").close()
    #expect(try ask("PRAGMA user_version") == "\(version)\n")
    let cache = try FeatureCache.open(fixture.path(), access, expecting: identity(version))
    #expect(try cache.verify() == [])
    #expect(try cache.contentDigest() == digest && cache.source == fixture.source)
    #expect(try cache.documents(.train).map { try cache.document($0.id) } == documents)
    #expect(try cache.documents(.asked).count == 1)
    for entry in try cache.documents(.train) {
      let ids = try cache.document(entry.id).promptIDs
      var expected = TinyCache.states(ids)
      try expected.withUnsafeMutableBufferPointer {
        try cache.roundTrip($0.baseAddress!, tokens: ids.count, place: "test")
      }
      #expect(try TinyCache.read(cache, entry.id) == expected)
    }
    for view in CacheView.allCases { _ = try cache.table(view) }
    try cache.close()
    #expect(try ask("PRAGMA user_version; PRAGMA foreign_key_check") == "\(Schema.version)\n")
    #expect(try ask("SELECT hex(substr(tokenizer, 1, 4)) FROM sources") == "28B52FFD\n")
    #expect(try shape("cache.sqlite") == shape("new.sqlite"))
    #expect(
      try ask("SELECT form, split, count(*) FROM documents GROUP BY 1, 2 ORDER BY 2")
        == "rendered|asked|1\nrendered|train|4\n")
    #expect(
      try ask("SELECT corpus, split, line, seen IS NULL FROM members ORDER BY 1, 3")
        == "asked|asked|0|1\n" + (1...4).map { "corpus.jsonl|train|\($0)|1\n" }.joined())
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path).sorted()
        == ["cache.sqlite", "new.sqlite"])
  }

  /// What has 4 bytes an id and what has 2 are the same content, in one file and in two.
  @Test(arguments: [1, 2, 3])
  func `a migrated file is stored to, and merged with a new one`(version: Int) throws {
    try old(version)
    let cache = try FeatureCache.open(fixture.path(), .write)
    #expect(try cache.put([try TinyCache.entry(cache, documents[0])]).present == 1)
    try cache.put([try TinyCache.entry(cache, TinyCache.document(5, tokens: 100))])
    #expect(try cache.verify() == [])
    let new = try fixture.create("new.sqlite")
    #expect(try new.merge(cache).stored == 6)
    #expect(try new.contentDigest() == cache.contentDigest())
    try cache.close()
    try new.close()
    let widths = "SELECT DISTINCT length(ids) / tokens FROM records ORDER BY 1"
    #expect(try ask(widths) == (version < 3 ? "2\n4\n" : "2\n"))
    #expect(try ask(widths, "new.sqlite") == "2\n")
  }

  @Test func `two sources that read a text become one document`() throws {
    var newer = fixture.identity()
    newer.weights = String(repeating: "cd", count: 32)
    for identity in [fixture.identity(), newer] {
      let cache = try FeatureCache.create(
        fixture.path(), identity: identity, source: fixture.source, beside: true)
      for document in documents.dropLast(identity == newer ? 2 : 0) {
        try cache.put([try TinyCache.entry(cache, document)])
      }
      try cache.close()
    }
    let digest = try FeatureCache.open(fixture.path(), stream: .first).contentDigest()
    try OlderCache.make(of: fixture.path(), version: 3, tokenizer: fixture.tokenizer)
    #expect(try ask("SELECT source, count(*) FROM documents GROUP BY 1") == "1|4\n2|2\n")
    let cache = try FeatureCache.open(fixture.path(), expecting: newer)
    #expect(try cache.verify() == [] && cache.contentDigest() == digest)
    #expect(try cache.documents().map { try cache.document($0.id) } == Array(documents.prefix(2)))
    #expect(
      try ask("SELECT count(*) FROM documents; SELECT source, count(*) FROM encodings GROUP BY 1")
        == "4\n1|4\n2|2\n")
  }

  /// As when it is put again: in the set that it was put in last, and in both corpora.
  @Test func `a text that two sources have in two sets is in the later, and in both corpora`()
    throws
  {
    let first = try fixture.create()
    try first.put([try TinyCache.entry(first, documents[0])])
    try first.close()
    var newer = fixture.identity()
    newer.weights = String(repeating: "cd", count: 32)
    let second = try FeatureCache.create(
      fixture.path(), identity: newer, source: fixture.source, beside: true)
    try second.put([try TinyCache.entry(second, documents[0])])
    try second.close()
    try OlderCache.make(of: fixture.path(), version: 3, tokenizer: fixture.tokenizer)
    // The newer source's row, with its checksum, as it would be of another file and set.
    let elsewhere = try TinyCache(tokenizer: fixture.tokenizer)
    let other = try FeatureCache.create(
      elsewhere.path(), identity: newer, source: fixture.source)
    var document = documents[0]
    (document.corpus, document.split, document.line) = ("more.jsonl", .test, 7)
    try other.put([try TinyCache.entry(other, document)])
    try other.close()
    try OlderCache.make(of: elsewhere.path(), version: 3, tokenizer: fixture.tokenizer)
    #expect(
      try ask(
        """
        ATTACH '\(elsewhere.path())' AS e;
        UPDATE documents SET (split, corpus, line, checksum) =
          (SELECT split, corpus, line, checksum FROM e.documents) WHERE id = 2
        """) == "")
    let cache = try FeatureCache.open(fixture.path(), stream: .first)
    #expect(try cache.verify() == [])
    let id = try #require(try cache.documents(.test).first).id
    #expect(try cache.document(id).place == "more.jsonl:7")
    #expect(
      try cache.members(of: id) == [
        CorpusMember(corpus: "corpus.jsonl", split: .train, line: 1),
        CorpusMember(corpus: "more.jsonl", split: .test, line: 7),
      ])
    #expect(try cache.documents(.train).isEmpty)
  }

  @Test(arguments: [
    "UPDATE documents SET response = 'x' WHERE id = 2",
    "UPDATE documents SET line = 9 WHERE id = 2",
    "UPDATE documents SET prompt_ids = zeroblob(3) WHERE id = 2",
    "UPDATE documents SET key = zeroblob(32) WHERE id = 2",
    "PRAGMA foreign_keys = OFF; DELETE FROM records WHERE id = 3",
  ])
  func `damage is damage still, and the rest is there`(sql: String) throws {
    try old(3)
    #expect(try ask(sql) == "")
    let cache = try FeatureCache.open(fixture.path())
    #expect(try !cache.verify().isEmpty)
    let sound = try cache.documents(.train).compactMap { try? cache.document($0.id) }
    #expect(sound == documents.filter { $0.line != 2 || sql.contains("records") })
  }

  @Test func `a step that fails leaves the file as it was`() throws {
    try old(3)
    // Something else has the name of a table that is to be made.
    #expect(try ask("CREATE TABLE encodings (x)") == "")
    let before = try ask(".dump")
    for access in [FeatureCache.Access.read, .write] {
      #expect(throws: CacheError.self) { try FeatureCache.open(fixture.path(), access) }
      #expect(try ask(".dump") == before)
    }
    #expect(try ask("DROP TABLE encodings; SELECT count(*) FROM documents") == "5\n")
    #expect(try FeatureCache.open(fixture.path()).verify() == [])
  }

  @Test func `a reader that a writer keeps from migrating says who that is`() throws {
    try old(3)
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "flock", "-F", fixture.path() + ".lock", "sh", "-c", "echo held; exec sleep 60",
    ]
    process.standardOutput = output
    try process.run()
    #expect(output.fileHandleForReading.availableData == Data("held\n".utf8))
    let found = TinyCache.message { _ = try FeatureCache.open(fixture.path()) }
    #expect(found.contains("has schema version 3, older than \(Schema.version)"))
    #expect(found.hasSuffix("another process is writing it: wait until that ends, or stop it"))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(try FeatureCache.open(fixture.path()).documents().count == 5)
  }

  @Test func `many readers at once migrate it once`() async throws {
    let digest = try old(2)
    let path = fixture.path()
    try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 {
        group.addTask { try FeatureCache.open(path).contentDigest() }
      }
      for try await found in group { #expect(found == digest) }
    }
  }

  @Test func `a second name of an older file is refused as a writer would be`() throws {
    try old(3)
    try FileManager.default.linkItem(atPath: fixture.path(), toPath: fixture.path("other.sqlite"))
    let found = TinyCache.message { _ = try FeatureCache.open(fixture.path()) }
    #expect(found.contains("schema version 3") && found.contains("hard link"))
    #expect(try ask("PRAGMA user_version") == "3\n")
    // As it advises.
    try FileManager.default.copyItem(atPath: fixture.path(), toPath: fixture.path("copy.sqlite"))
    #expect(try FeatureCache.open(fixture.path("copy.sqlite")).verify() == [])
  }
}

/// Killed at any instant as it migrates, an older file opens clean.
@Suite(.serialized) struct MigrationKillTests {
  @Test func `killed at any moment and opened again`() throws {
    let fixture = try TinyCache()
    let cache = try fixture.create("old.sqlite")
    for number in 0..<1500 {
      try cache.put([try TinyCache.entry(cache, TinyCache.document(number, tokens: 5))])
    }
    let digest = try cache.contentDigest()
    try cache.close()
    try OlderCache.make(of: fixture.path("old.sqlite"), version: 3, tokenizer: fixture.tokenizer)
    let old = try Data(contentsOf: URL(fileURLWithPath: fixture.path("old.sqlite")))
    var (killed, undone) = (0, 0)
    for delay in stride(from: 0, to: 400, by: 20) {
      for end in ["", "-wal", "-shm", "-journal", ".lock"] {
        try? FileManager.default.removeItem(atPath: fixture.path() + end)
      }
      try old.write(to: URL(fileURLWithPath: fixture.path()))
      let program = try RunningProgram(
        Program.path, ["cache", "stats", "cache.sqlite"], in: fixture.folder.path)
      usleep(useconds_t(delay) * 1000)
      program.send(SIGKILL)
      if program.wait().status == 128 + SIGKILL { killed += 1 }
      // A journal is left of a transaction that was begun and did not end.
      if FileManager.default.fileExists(atPath: fixture.path() + "-journal") { undone += 1 }
      let reader = try FeatureCache.open(fixture.path())
      #expect(try reader.contentDigest() == digest && reader.verify() == [])
    }
    #expect(killed > 3 && undone > 0, "\(killed) killed, \(undone) of them within the migration")
  }
}
