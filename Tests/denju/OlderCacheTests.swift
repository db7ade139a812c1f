import Crypto
import Foundation
import TestSupport
import Testing

/// Caches that a program of before wrote, of rows of text and of messages: read, filled again, merged, and handed over.
@Suite(.enabled(if: CacheCommandTests.hasShell, "needs /usr/bin/sqlite3"))
struct OlderCacheTests {
  private static let key = "DENJU_CACHE_KEY=" + String(repeating: "0f", count: 32)
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder(copying: Checkout.path("Tests/denju/Goldens/files"))
  }

  private func denju(_ arguments: String..., key: String? = nil) throws -> Program.Outcome {
    try RunningProgram(
      Program.path, arguments, in: folder.path,
      environment: ["DENJU_THREADS=1"] + [key].compactMap(\.self)
    ).wait()
  }

  private func ask(_ cache: String, _ sql: String) throws -> String {
    try RunningProgram("/usr/bin/sqlite3", [cache, sql], in: folder.path).wait().output
  }

  private func digest(_ cache: String) throws -> String {
    expectSuccess(try denju("cache", "digest", cache)).output
  }

  /// What that program printed for its own file.
  private func digestOfBefore() throws -> String {
    try #require(
      try JSONDecoder().decode(
        [String: String].self, from: Data(Checkout.bytes("Tests/denju/Goldens/goldens.json")))[
          "mixed.digest"])
  }

  private static let forms = "SELECT form, count(*) FROM documents GROUP BY 1 ORDER BY 1"

  @Test func `precomputing again computes nothing, and learns what was given`() throws {
    #expect(try ask("mixed.sqlite", "PRAGMA user_version") == "3\n")
    #expect(try digest("mixed.sqlite") == digestOfBefore())
    #expect(try ask("mixed.sqlite", "PRAGMA user_version; " + Self.forms) == "5\nrendered|12\n")
    let records = try ask("mixed.sqlite", "SELECT count(*), max(id) FROM records")
    for (cache, present) in [("mixed.sqlite", 12), ("new.sqlite", 0)] {
      for layer in ["-1", "1"] {
        expectSuccess(
          try denju(
            "precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", cache,
            "--layer", layer, "--beside"))
        if present == 0 { continue }
        #expect(
          try ask(
            cache,
            """
            SELECT tokens, bytes, json_extract(outcomes, '$.present') FROM runs ORDER BY id DESC LIMIT 1
            """) == "0|0|12\n")
      }
      #expect(try ask(cache, Self.forms) == "messages|6\ntext|6\n")
      #expect(try ask(cache, "SELECT count(*) FROM encodings") == "12\n")
      #expect(try digest(cache) == digestOfBefore())
      expectSuccess(try denju("cache", "verify", cache))
    }
    #expect(try ask("mixed.sqlite", "SELECT count(*), max(id) FROM records") == records)
    let given = "SELECT form, prompt, response FROM documents ORDER BY 1, 2"
    #expect(try ask("mixed.sqlite", given) == ask("new.sqlite", given))
    #expect(
      try ask("new.sqlite", given).contains(
        #"messages|[{"role":"user","content":"The thing 37 is \"so\"\u000a?"}]| green."#))
    // Every set of the corpus, read to its end by runs of their own.
    #expect(
      try ask(
        "new.sqlite", "SELECT corpus, split, part, parts, completed FROM passes WHERE run = 2")
        == ["test", "train", "validation"].map { "mixed.jsonl|\($0)|1|1|1\n" }.joined())
    #expect(try ask("new.sqlite", "SELECT DISTINCT corpus, seen FROM members") == "mixed.jsonl|2\n")
  }

  @Test func `shards are parts of passes`() throws {
    for part in ["1/2", "2/2"] {
      expectSuccess(
        try denju(
          "precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", "new.sqlite",
          "--shard", part))
    }
    #expect(
      try ask("new.sqlite", "SELECT run, part, parts, completed FROM passes WHERE split = 'test'")
        == "1|1|2|1\n2|2|2|1\n")
    #expect(
      try ask("new.sqlite", "SELECT count(DISTINCT seen), count(*) FROM members") == "2|12\n")
  }

  @Test func `a cache of before and a new one of the same corpus are merged`() throws {
    for layer in ["-1", "1"] {
      expectSuccess(
        try denju(
          "precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", "new.sqlite",
          "--layer", layer, "--beside"))
    }
    expectSuccess(try denju("cache", "merge", "new.sqlite", "mixed.sqlite"))
    #expect(try digest("new.sqlite") == digestOfBefore())
    expectSuccess(try denju("cache", "merge", "mixed.sqlite", "new.sqlite"))
    #expect(try digest("mixed.sqlite") == digestOfBefore())
    for cache in ["new.sqlite", "mixed.sqlite"] {
      #expect(try ask(cache, Self.forms) == "messages|6\ntext|6\n")
    }
  }

  @Test func `an encrypted one stays so, and needs its key`() throws {
    let before = try folder.bytes("sealed.sqlite")
    expectRefusal(try denju("cache", "stats", "sealed.sqlite"), "sealed.sqlite is encrypted")
    expectRefusal(
      try denju(
        "cache", "stats", "sealed.sqlite",
        key: "DENJU_CACHE_KEY=" + String(repeating: "1f", count: 32)), "another key")
    #expect(try folder.bytes("sealed.sqlite") == before)
    expectSuccess(try denju("cache", "verify", "sealed.sqlite", key: Self.key))
    expectSealed()
    #expect(
      try ask("sealed.sqlite", "PRAGMA user_version; " + Self.forms) == "5\nrendered|12\n")
    expectSuccess(
      try denju(
        "precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", "sealed.sqlite",
        key: Self.key))
    #expect(try ask("sealed.sqlite", Self.forms) == "messages|6\ntext|6\n")
    #expect(
      try ask(
        "sealed.sqlite",
        "SELECT tokens, json_extract(outcomes, '$.present') FROM runs ORDER BY id DESC LIMIT 1")
        == "0|12\n")
    expectSuccess(try denju("cache", "verify", "sealed.sqlite", key: Self.key))
    expectSealed()
    // Merged into one that is not encrypted, it is what that corpus makes there.
    for cache in ["new.sqlite", "open.sqlite"] {
      expectSuccess(
        try denju(
          "precompute", "--source", "source", "--corpus",
          cache == "new.sqlite" ? "mixed.jsonl" : "test.jsonl", "--cache", cache))
    }
    expectSuccess(try denju("cache", "purge", "open.sqlite", "--split", "train"))
    expectSuccess(try denju("cache", "purge", "open.sqlite", "--split", "test"))
    expectSuccess(try denju("cache", "purge", "open.sqlite", "--split", "validation"))
    expectSuccess(try denju("cache", "merge", "open.sqlite", "sealed.sqlite", key: Self.key))
    #expect(try digest("open.sqlite") == digest("new.sqlite"))
  }

  /// Neither texts nor hashes of them are in the file.
  private func expectSealed(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(throws: Never.self, sourceLocation: sourceLocation) {
      let file = try folder.bytes("sealed.sqlite")
      let (prompt, response) = (Data("The thing 0 is".utf8), Data(" red.".utf8))
      for parts in [
        [Data("denju document 1".utf8), prompt, response],
        [Data("denju given document 1".utf8), Data("text".utf8), prompt, response],
        [Data("denju given document 1".utf8), Data("rendered".utf8), prompt, response],
      ] {
        var hash = SHA256()
        for part in parts {
          withUnsafeBytes(of: UInt64(part.count).littleEndian) { hash.update(bufferPointer: $0) }
          hash.update(data: part)
        }
        #expect(file.range(of: Data(hash.finalize())) == nil, sourceLocation: sourceLocation)
      }
      for text in ["The thing", "<|im_start|>", #"{"role""#, " red."] {
        #expect(file.range(of: Data(text.utf8)) == nil, sourceLocation: sourceLocation)
      }
    }
  }

  @Test(
    .enabled(if: SourceGoneTests.canBecomeAnother, "needs root and setpriv, to become another user")
  )
  func `who can't write it is told what to do, and that works`() throws {
    let program = folder.path("denju")
    expectSuccess(try RunningProgram("/bin/cp", [Program.path, program], in: folder.path).wait())
    chmod(program, 0o755)
    chmod(folder.path("mixed.sqlite"), 0o444)
    try FileManager.default.createDirectory(
      atPath: folder.path("theirs"), withIntermediateDirectories: true)
    chmod(folder.path, 0o755)
    chmod(folder.path("theirs"), 0o777)
    func theirs(_ arguments: String...) throws -> Program.Outcome {
      try RunningProgram(
        "/usr/bin/setpriv",
        ["--reuid=65534", "--regid=65534", "--clear-groups"] + arguments, in: folder.path
      ).wait()
    }
    let before = try folder.bytes("mixed.sqlite")
    // A file that can't be written, and a folder that can't.
    for mode in [0o444, 0o666] {
      chmod(folder.path("mixed.sqlite"), mode_t(mode))
      expectRefusal(
        try theirs(program, "cache", "stats", "mixed.sqlite"), "mixed.sqlite",
        "schema version 3, older than 5", "Permission denied", "denju cache compact",
        "a copy in a folder of your own")
      #expect(try folder.bytes("mixed.sqlite") == before)
    }
    expectSuccess(try theirs("/bin/cp", "mixed.sqlite", "theirs/copy.sqlite"))
    expectSuccess(try theirs(program, "cache", "stats", "theirs/copy.sqlite"))
    expectSuccess(try denju("cache", "compact", "mixed.sqlite"))
    chmod(folder.path("mixed.sqlite"), 0o444)
    expectSuccess(try theirs(program, "cache", "stats", "mixed.sqlite"))
  }
}
