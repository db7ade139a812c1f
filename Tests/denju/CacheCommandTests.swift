import FeatureCache
import Foundation
import ModelFiles
import Testing

/// What one does with a cache, by `denju cache` and by plain `sqlite3`.
@Suite struct CacheCommandTests {
  static let hasShell = FileManager.default.isExecutableFile(atPath: "/usr/bin/sqlite3")

  static func prepared(_ more: String...) throws -> Workshop {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing() + more))
    return workshop
  }

  @Test(
    .enabled(if: hasShell, "needs /usr/bin/sqlite3"),
    arguments: CacheView.allCases.map(\.rawValue))
  func `sqlite3 answers for every view`(view: String) throws {
    let workshop = try Self.prepared()
    let shell = try RunningProgram(
      "/usr/bin/sqlite3", ["-header", workshop.cache, "select * from \(view)"], in: workshop.folder
    ).wait()
    #expect(shell.status == 0 && shell.errors.isEmpty)
    let lines = shell.output.split(separator: "\n")
    #expect(lines.count > 1)
    let ours = expectSuccess(
      try workshop.denju("cache", "stats", "cache.sqlite", "--view", String(view.dropFirst(6))))
    for column in lines[0].split(separator: "|") { #expect(ours.output.contains(column)) }
  }

  @Test func `stats in lines of JSON`() throws {
    let workshop = try Self.prepared()
    let outcome = expectSuccess(
      try workshop.denju("cache", "stats", "cache.sqlite", "--view", "documents", "--json"))
    #expect(outcome.output.split(separator: "\n").count == 36)
    for line in outcome.output.split(separator: "\n") {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
    expectRefusal(
      try workshop.denju("cache", "stats", "absent.sqlite"), "absent.sqlite")
  }

  @Test func `export writes states and ids`() throws {
    let workshop = try Self.prepared()
    expectSuccess(
      try workshop.denju(
        "cache", "export", "cache.sqlite", "--out", "out.safetensors", "--split", "test"))
    let catalogue = try TensorCatalogue.open(workshop.path("out.safetensors"))
    #expect(catalogue.names.count == 12)
    for name in catalogue.names where name.hasSuffix(".input_ids") {
      let ids = try catalogue.integers(name)
      let states = name.replacingOccurrences(of: "input_ids", with: "states")
      #expect(
        try catalogue.floats(states, shape: [ids.count, TinySource.width]).count
          == ids.count * TinySource.width)
    }
  }

  @Test func `purge deletes documents and leaves the rest sound`() throws {
    let workshop = try Self.prepared()
    expectSuccess(try workshop.denju("cache", "purge", "cache.sqlite", "--split", "test"))
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    let text = String(decoding: try workshop.bytes("cache.sqlite"), as: UTF8.self)
    #expect(!text.contains(Workshop.prompt(0)), "the test set's rows are the first")
    #expect(text.contains(Workshop.prompt(6)))
    let again = try workshop.denju("cache", "purge", "cache.sqlite", "--document", "99999")
    #expect(again.status == 64)
  }

  @Test func `merging two halves makes the whole`() throws {
    let workshop = try Self.prepared()
    for (set, name) in [("train", "a"), ("validation", "b"), ("test", "c")] {
      // A lone set is precomputed as a training set, and merging keeps what each document was.
      expectSuccess(
        try workshop.denju(
          "precompute", "--source", "source", "--train", "\(set).jsonl", "--cache", "\(name).sqlite"
        ))
    }
    expectSuccess(try workshop.denju("cache", "merge", "a.sqlite", "b.sqlite", "c.sqlite"))
    expectSuccess(try workshop.denju("cache", "verify", "a.sqlite"))
    let merged = try FeatureCache.open(workshop.path("a.sqlite"))
    let whole = try FeatureCache.open(workshop.cache)
    #expect(try merged.statistics().records == whole.statistics().records)
    #expect(try merged.documents().count == 36)
    let content = try merged.contentDigest()
    try merged.close()
    expectSuccess(try workshop.denju("cache", "merge", "a.sqlite", "b.sqlite"))
    #expect(try workshop.digest(workshop.path("a.sqlite")) == content)
  }

  @Test func `merging another source's cache is refused, and compacting loses nothing`() throws {
    let workshop = try Self.prepared()
    _ = try TinySource(workshop.path("other"), seed: 2)
    expectSuccess(
      try workshop.denju(
        "precompute", "--source", "other", "--train", "train.jsonl", "--cache", "other.sqlite"))
    let content = try workshop.digest()
    expectRefusal(try workshop.denju("cache", "merge", "cache.sqlite", "other.sqlite"), "weights")
    expectSuccess(try workshop.denju("cache", "compact", "cache.sqlite"))
    #expect(try workshop.digest() == content)
  }

  @Test(.enabled(if: hasShell, "needs /usr/bin/sqlite3"))
  func `verify finds a flipped byte, and repair mends it`() throws {
    let workshop = try Self.prepared()
    let content = try workshop.digest()
    let flip = """
      update records set payload = cast(substr(payload, 1, length(payload) - 1) || x'00' as blob)
      where id = (select min(id) from records)
      """
    let shell = try RunningProgram("/usr/bin/sqlite3", [workshop.cache, flip], in: workshop.folder)
      .wait()
    #expect(shell.status == 0, Comment(rawValue: shell.errors))
    let found = try workshop.denju("cache", "verify", "cache.sqlite")
    #expect(found.status == 1)
    #expect(found.output.contains("record"))
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite", "--repair"))
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    #expect(try workshop.digest() == content)
  }
}
