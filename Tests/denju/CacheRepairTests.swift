import FeatureCache
import Foundation
import TestSupport
import Testing

/// What `verify` says of damage, and what `--repair` does about it.
@Suite(.enabled(if: CacheCommandTests.hasShell, "needs /usr/bin/sqlite3"))
struct CacheRepairTests {
  private static func change(_ workshop: Workshop, _ sql: String) throws {
    let shell = try RunningProgram("/usr/bin/sqlite3", [workshop.cache, sql], in: workshop.folder)
      .wait()
    #expect(shell.status == 0 && shell.errors.isEmpty, Comment(rawValue: shell.errors))
  }

  @Test func `a damaged source is nothing to verify`() throws {
    let workshop = try CacheCommandTests.prepared()
    try Self.change(workshop, "update sources set name = 'another'")
    let outcome = try workshop.denju("cache", "verify", "cache.sqlite")
    expectRefusal(outcome, "the source", "restore it from a copy", "denju precompute")
    #expect(!outcome.errors.contains("cache verify"))
  }

  @Test func `a source repairs its own streams alone`() throws {
    let workshop = try CacheCommandTests.prepared()
    _ = try TinySource(workshop.path("next"), seed: 2)
    expectSuccess(
      try workshop.denju(
        workshop.precomputing("--beside").map { $0 == "source" ? "next" : $0 }))
    func digest() throws -> String { try workshop.denju("cache", "digest", "cache.sqlite").output }
    let content = try digest()
    let first = "(select min(id) from records group by stream)"
    try Self.change(
      workshop, "update records set payload = cast(payload || x'00' as blob) where id in \(first)")
    let one = try workshop.denju("cache", "verify", "cache.sqlite", "--repair", "--source", "next")
    #expect(one.status == 1)
    #expect(
      one.errors.contains("stream 1 (source) is left as it is") && one.errors.contains("weights")
        && !one.errors.contains("stream 2"), Comment(rawValue: one.errors))
    #expect(
      one.errors.contains(" 1 documents' states computed again"), Comment(rawValue: one.errors))
    let cache = try FeatureCache.open(workshop.cache, stream: .first)
    #expect(try cache.verify().allSatisfy { $0.stream == 1 })
    try cache.close()

    // Each from where it was: one that is gone keeps no other from being repaired.
    try Self.change(
      workshop, "update records set payload = cast(payload || x'00' as blob) where id in \(first)")
    try FileManager.default.moveItem(
      atPath: workshop.path("source"), toPath: workshop.path("elsewhere"))
    let other = try workshop.denju("cache", "verify", "cache.sqlite", "--repair")
    #expect(other.status == 1 && other.errors.contains("stream 1 (source) is left as it is"))
    expectSuccess(
      try workshop.denju("cache", "verify", "cache.sqlite", "--repair", "--source", "elsewhere"))
    #expect(try digest() == content)
  }
}
