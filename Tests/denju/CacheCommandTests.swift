import FeatureCache
import Foundation
import Identity
import ModelFiles
import TestSupport
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
    // The shell prints nothing for a view without rows.
    if ["cache_duplicates", "cache_lookups", "cache_codecs"].contains(view) { return }
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
    // Five tensors a document, and what there is once.
    #expect(catalogue.names.count == 6 * 5 + 4)
    let prompts = catalogue.names.filter { $0.hasSuffix(".prompt") }
    #expect(
      try Set(prompts.map { String(decoding: try catalogue.bytes($0), as: UTF8.self) })
        == Set((0..<6).map(Workshop.prompt)), "the test set's rows are the first")
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

  /// Of float32 states, which no codec has rounded, the import is the cache.
  @Test func `what was exported is imported again`() throws {
    let workshop = try Self.prepared("--codec", "float32")
    expectSuccess(
      try workshop.denju("cache", "export", "cache.sqlite", "--out", "all.safetensors"))
    expectSuccess(
      try workshop.denju("cache", "import", "again.sqlite", "--from", "all.safetensors"))
    #expect(try workshop.digest(workshop.path("again.sqlite")) == workshop.digest())
    expectSuccess(try workshop.denju("cache", "verify", "again.sqlite"))
    let twice = expectSuccess(
      try workshop.denju("cache", "import", "again.sqlite", "--from", "all.safetensors"))
    #expect(twice.errors.contains(" 0 documents and 0 records were new"))
  }

  @Test func `an export takes no cache's place, and is its owner's alone`() throws {
    let workshop = try Self.prepared()
    let before = try workshop.bytes("cache.sqlite")
    for format in ["safetensors", "npz"] {
      expectRefusal(
        try workshop.denju(
          "cache", "export", "cache.sqlite", "--out", "cache.sqlite", "--format", format),
        "cache.sqlite", "feature cache")
      expectSuccess(try workshop.denju("cache", "export", "cache.sqlite", "--out", "a.\(format)"))
      let attributes = try FileManager.default.attributesOfItem(
        atPath: workshop.path("a.\(format)"))
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    #expect(try workshop.bytes("cache.sqlite") == before)
  }

  @Test func `what fails leaves no cache behind, and an empty file is taken for none`() throws {
    let workshop = try Self.prepared()
    _ = try TinySource(workshop.path("next"), seed: 2)
    let next = workshop.precomputing().map { $0 == "source" ? "next" : $0 }
    expectSuccess(try workshop.denju(next + ["--beside"]))
    expectSuccess(try workshop.denju(workshop.precomputing("--cache", "first.sqlite")))
    expectRefusal(
      try workshop.denju("cache", "merge", "new.sqlite", "first.sqlite", "cache.sqlite"), "weights")
    #expect(!FileManager.default.fileExists(atPath: workshop.path("new.sqlite")))
    try workshop.write("new.sqlite", "")
    expectSuccess(try workshop.denju("cache", "merge", "new.sqlite", "cache.sqlite", "--beside"))
    expectSuccess(try workshop.denju("cache", "verify", "new.sqlite"))
    #expect(mkfifo(workshop.path("pipe"), 0o600) == 0)
    expectRefusal(try workshop.denju("cache", "stats", "pipe"), "not a regular file")
  }

  /// Rounded states are never taken for the source's own.
  @Test func `rounded states are imported as others`() throws {
    let workshop = try Self.prepared()
    expectSuccess(try workshop.denju("cache", "export", "cache.sqlite", "--out", "a.safetensors"))
    expectRefusal(
      try workshop.denju("cache", "import", "cache.sqlite", "--from", "a.safetensors"), "codec",
      "--beside")
    expectSuccess(try workshop.denju("cache", "import", "b.sqlite", "--from", "a.safetensors"))
    let found = expectSuccess(
      try workshop.denju("cache", "diff", "cache.sqlite", "b.sqlite", "--json"))
    #expect(
      found.output.contains(#""relative":0,"#) && found.output.contains(#""comparedDocuments":36"#))
    let stats = try workshop.denju("cache", "stats", "b.sqlite", "--view", "by_source")
    #expect(stats.output.contains("decoded from int8"))
  }

  /// As a program elsewhere writes them: states and ids alone.
  @Test func `states of another program are imported under its name`() throws {
    let workshop = try Workshop()
    let states = (0..<3 * TinySource.width).map { Float($0) / 8 }
    let ids: [Int64] = [5, 6, 7]
    try states.withUnsafeBufferPointer { states in
      try ids.withUnsafeBufferPointer { ids in
        try SafetensorsWriter.write(
          path: workshop.path("foreign.safetensors"),
          tensors: [
            ("9.states", [3, TinySource.width], .float32(states)),
            ("9.input_ids", [3], .int64(ids)),
          ])
      }
    }
    let arguments = ["cache", "import", "cache.sqlite", "--from", "foreign.safetensors"]
    expectRefusal(try workshop.denju(arguments), "foreign.safetensors", "--source")
    expectSuccess(
      try workshop.denju(arguments + ["--source", "source", "--numerics", "torch"]))
    let cache = try FeatureCache.open(workshop.cache)
    #expect(cache.identity.numerics == "torch")
    var read = [Float](repeating: 0, count: states.count)
    let isHit = try read.withUnsafeMutableBufferPointer {
      try cache.states(forTokenIDs: [5, 6, 7], into: $0)
    }
    #expect(isHit && read == states)
  }

  @Test func `shards of four machines make the single run's cache`() throws {
    let workshop = try Self.prepared()
    for shard in 1...4 {
      expectSuccess(
        try workshop.denju(
          workshop.precomputing("--shard", "\(shard)/4").map {
            $0 == "cache.sqlite" ? "shard\(shard).sqlite" : $0
          }))
    }
    expectSuccess(
      try workshop.denju(
        "cache", "merge", "merged.sqlite", "shard3.sqlite", "shard1.sqlite", "shard4.sqlite",
        "shard2.sqlite"))
    #expect(try workshop.digest(workshop.path("merged.sqlite")) == workshop.digest())
    expectSuccess(try workshop.denju("cache", "verify", "merged.sqlite"))
    expectSuccess(try workshop.denju(workshop.training("whole")))
    expectSuccess(
      try workshop.denju(
        workshop.training("parts").map { $0 == "cache.sqlite" ? "merged.sqlite" : $0 }))
    #expect(
      try workshop.bytes("whole/best/model.safetensors")
        == workshop.bytes("parts/best/model.safetensors"))
    #expect(
      try workshop.denju(workshop.precomputing("--shard", "5/4")).errors.contains("5/4"))
  }

  @Test func `a source and its next version stand side by side`() throws {
    let workshop = try Self.prepared()
    let old = try workshop.digest()
    expectSuccess(try workshop.denju(workshop.training("old")))
    _ = try TinySource(workshop.path("next"), seed: 2)
    let next = workshop.precomputing().map { $0 == "source" ? "next" : $0 }
    expectRefusal(try workshop.denju(next), "weights", "--beside")
    #expect(try workshop.digest() == old)
    expectSuccess(try workshop.denju(next + ["--beside"]))
    // Nothing is missing now, and nothing is computed.
    let again = expectSuccess(try workshop.denju(next + ["--beside", "--json"]))
    #expect(again.output.contains(#""tokens":0"#))
    let stats = expectSuccess(
      try workshop.denju("cache", "stats", "cache.sqlite", "--view", "by_source", "--json"))
    #expect(stats.output.split(separator: "\n").count == 2)
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))

    // A training run is of exactly one; evaluation finds it by its identity.
    expectRefusal(try workshop.denju(workshop.training("new")), "2 streams", "--stream")
    expectSuccess(try workshop.denju(workshop.training("new", "--stream", "2")))
    expectSuccess(try workshop.denju("evaluate", "--run", "old"))
    expectSuccess(try workshop.denju("evaluate", "--run", "new"))
    let apart = expectSuccess(
      try workshop.denju(
        "cache", "diff", "cache.sqlite", "--stream", "1", "--other-stream", "2", "--json"))
    #expect(apart.output.contains(#""comparedDocuments":36"#))

    expectSuccess(try workshop.denju("cache", "purge", "cache.sqlite", "--stream", "1"))
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    expectSuccess(
      try workshop.denju(next.map { $0 == "cache.sqlite" ? "alone.sqlite" : $0 }))
    #expect(try workshop.digest() == workshop.digest(workshop.path("alone.sqlite")))
    expectRefusal(try workshop.denju("evaluate", "--run", "old"), "weights")
  }

  @Test func `purging by age, and several conditions at once`() throws {
    let workshop = try Self.prepared()
    for (words, gone) in [
      (["--older-than", "1d"], 0), (["--older-than", "1m", "--split", "asked"], 0),
      (["--document", "1", "--split", "test"], 1),
    ] {
      let outcome = expectSuccess(try workshop.denju(["cache", "purge", "cache.sqlite"] + words))
      #expect(outcome.errors.contains(": \(gone) documents"), Comment(rawValue: outcome.errors))
    }
    for words in [[], ["--older-than", "soon"], ["--split", "tset"]] {
      #expect(try workshop.denju(["cache", "purge", "cache.sqlite"] + words).status == 64)
    }
  }

  @Test func `a limit is set, shown and kept`() throws {
    let workshop = try Self.prepared()
    #expect(try workshop.denju("cache", "limit", "cache.sqlite").output == "none\n")
    expectSuccess(try workshop.denju("cache", "limit", "cache.sqlite", "20MB"))
    #expect(try workshop.denju("cache", "limit", "cache.sqlite").output == "20.0 MB\n")
    let tight = expectSuccess(try workshop.denju("cache", "limit", "cache.sqlite", "1kB"))
    #expect(tight.errors.contains("over the limit"))
    expectSuccess(try workshop.denju("cache", "limit", "cache.sqlite", "none"))
    #expect(try workshop.denju("cache", "limit", "cache.sqlite", "lots").status == 64)
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
