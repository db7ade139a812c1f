import FeatureCache
import Foundation
import TestSupport
import Testing

/// An encrypted cache through all stages.
@Suite struct EncryptedCacheTests {
  private static let key = "DENJU_CACHE_KEY=" + String(repeating: "7e", count: 32)

  @Test func `all stages work with the key, and none without`() throws {
    let workshop = try Workshop()
    expectRefusal(try workshop.denju(workshop.precomputing("--encrypt")), "DENJU_CACHE_KEY")
    #expect(!FileManager.default.fileExists(atPath: workshop.cache))
    workshop.environment = [Self.key]
    expectSuccess(try workshop.denju(workshop.precomputing("--encrypt")))
    expectSuccess(try workshop.denju(workshop.training("run")))
    expectSuccess(try workshop.denju("evaluate", "--run", "run"))
    let hit = try workshop.generate(Workshop.cachedPrompt)
    #expect(hit.states == "reused")
    #expect(try workshop.generate("--no-cache", Workshop.cachedPrompt).ids == hit.ids)
    #expect(try workshop.generate("--store", Workshop.newPrompt).states == "recomputed")
    #expect(try workshop.generate(Workshop.newPrompt).states == "reused")
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))

    let bytes = try workshop.bytes("cache.sqlite")
    for text in [Workshop.cachedPrompt, Workshop.newPrompt, " red.", " blue."] {
      #expect(bytes.range(of: Data(text.utf8)) == nil)
    }

    // The same answers as from a cache that is not encrypted.
    expectSuccess(
      try workshop.denju(workshop.precomputing().map { $0 == "cache.sqlite" ? "open.sqlite" : $0 }))
    expectSuccess(
      try workshop.denju(
        workshop.training("other").map { $0 == "cache.sqlite" ? "open.sqlite" : $0 }))
    #expect(
      try workshop.bytes("run/best/model.safetensors")
        == workshop.bytes("other/best/model.safetensors"))

    workshop.environment = []
    for arguments in [
      workshop.precomputing(), workshop.training("none"), ["evaluate", "--run", "run"],
      ["cache", "stats", "cache.sqlite"], ["cache", "verify", "cache.sqlite"],
      ["generate", "--run", "run", Workshop.cachedPrompt],
    ] {
      expectRefusal(try workshop.denju(arguments), "cache.sqlite", "encrypted")
    }
    workshop.environment = ["DENJU_CACHE_KEY=" + String(repeating: "7f", count: 32)]
    expectRefusal(try workshop.denju("cache", "stats", "cache.sqlite"), "another key")
    workshop.environment = ["DENJU_CACHE_KEY=short"]
    expectRefusal(try workshop.denju("cache", "stats", "cache.sqlite"), "DENJU_CACHE_KEY")
  }

  @Test func `a fit's hash and figures can't be confirmed without the key`() throws {
    let workshop = try Workshop()
    try workshop.write("fit.jsonl", Workshop.rows(100..<400))
    func fitted(_ cache: String, _ options: String...) throws -> [String] {
      expectSuccess(
        try workshop.denju(
          workshop.precomputing(
            "--codec", "transform:0.1", "--fit-corpus", "fit.jsonl", "--cache", cache) + options))
      let columns = "SELECT identity, added, bound, divergence FROM codecs"
      return expectSuccess(
        try RunningProgram("/usr/bin/sqlite3", [cache, columns], in: workshop.folder).wait()
      ).output.trimmingCharacters(in: .newlines).split(separator: "|").map(String.init)
    }
    let open = try fitted("open.sqlite")
    workshop.environment = [Self.key]
    let sealed = try fitted("sealed.sqlite", "--encrypt")
    #expect(open.count == 4 && zip(open, sealed).allSatisfy { $0 != $1 })
    #expect(try fitted("again.sqlite", "--encrypt") == sealed, "shards of one key can be merged")
    expectSuccess(try workshop.denju("cache", "verify", "sealed.sqlite"))
    workshop.environment = ["DENJU_CACHE_KEY=" + String(repeating: "7f", count: 32)]
    #expect(try fitted("other.sqlite", "--encrypt").first != sealed.first)
  }

  @Test func `a key from a file, changed, and content encrypted anew`() throws {
    let workshop = try Workshop()
    try workshop.write("old.key", String(repeating: "01", count: 32) + "\n")
    try workshop.write("new.key", String(repeating: "02", count: 32) + "\n")
    workshop.environment = ["DENJU_CACHE_KEY_FILE=old.key"]
    expectSuccess(try workshop.denju(workshop.precomputing("--encrypt")))
    expectSuccess(
      try workshop.denju("cache", "rotate", "cache.sqlite", "--new-key-file", "new.key"))
    expectRefusal(try workshop.denju("cache", "verify", "cache.sqlite"), "another key")
    workshop.environment = ["DENJU_CACHE_KEY_FILE=new.key"]
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    expectSuccess(
      try workshop.denju("cache", "merge", "anew.sqlite", "cache.sqlite", "--encrypt"))
    let found = expectSuccess(
      try workshop.denju("cache", "diff", "cache.sqlite", "anew.sqlite", "--json"))
    #expect(found.output.contains(#""comparedDocuments":36"#))
    expectSuccess(try workshop.denju("cache", "merge", "open.sqlite", "cache.sqlite"))
    expectRefusal(
      try workshop.denju("cache", "rotate", "open.sqlite", "--new-key-file", "new.key"),
      "not encrypted")
    expectRefusal(
      try workshop.denju("cache", "merge", "open.sqlite", "cache.sqlite", "--encrypt"),
      "not encrypted")
    workshop.environment = ["DENJU_CACHE_KEY_FILE=absent.key"]
    expectRefusal(try workshop.denju("cache", "verify", "cache.sqlite"), "absent.key")
  }
}
