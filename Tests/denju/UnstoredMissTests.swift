import Foundation
import TestSupport
import Testing

/// A cache that can't be written ends no answer whose states are in hand: it is one warning.
@Suite(.serialized) struct UnstoredMissTests {
  private static let answer = [
    "generate", "--run", "run", "--max-new-tokens", "6", "--json", "--store",
  ]

  /// The answer of a cache that can be written, and that of one that can't, are the same but for what is said.
  private func expectWarning(
    _ workshop: Workshop, cache: String, without expected: Workshop.Generated
  ) throws {
    let outcome = expectSuccess(
      try workshop.denju(
        Self.answer + ["--cache", cache, "--prompt", Workshop.newPrompt, "--prompt", "Another is"]))
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 2)
    let first = try JSONDecoder().decode(Workshop.Generated.self, from: Data(lines[0].utf8))
    #expect(first.ids == expected.ids && first.states == "recomputed")
    let warnings = outcome.errorLines.filter { $0.contains("not stored") }
    #expect(warnings.count == 1 && warnings[0].contains(cache), "\(outcome.errors)")
  }

  private func plainAnswer(_ workshop: Workshop) throws -> Workshop.Generated {
    let outcome = expectSuccess(
      try workshop.denju(
        Self.answer.dropLast() + ["--prompt", Workshop.newPrompt]))
    return try JSONDecoder().decode(Workshop.Generated.self, from: Data(outcome.output.utf8))
  }

  @Test func `a cache that another program writes`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let expected = try plainAnswer(workshop)
    let server = try ServerTests.Server(workshop)
    try expectWarning(workshop, cache: "cache.sqlite", without: expected)
    // A second server answers, and says at its start that it will store nothing.
    let second = try ServerTests.Server(workshop)
    #expect(try second.complete(ServerTests.messages).status == 200)
    #expect(second.process.text("stderr").contains("not stored"))
    // The first one stores, all the same.
    #expect(try server.complete(ServerTests.messages).status == 200)
    #expect(try server.complete(ServerTests.messages).body.contains(#""states":"reused""#))
  }

  @Test(
    .enabled(if: FullDiskTests.canMount, "needs the permission to mount a small disk"),
    arguments: ["full", "read-only"])
  func `a disk that takes nothing more`(kind: String) throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let expected = try plainAnswer(workshop)
    let size = try workshop.bytes("cache.sqlite").count
    let disk = try #require(
      FullDiskTests.SmallDisk(workshop.path("disk"), kilobytes: size / 1024 + 256))
    try FileManager.default.copyItem(atPath: workshop.cache, toPath: disk.path + "/cache.sqlite")
    if kind == "full" {
      try disk.fill()
    } else {
      #expect(mount("tmpfs", disk.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
    }
    try expectWarning(workshop, cache: "disk/cache.sqlite", without: expected)

    let server = try ServerTests.Server(workshop, "--cache", "disk/cache.sqlite")
    for number in 0..<3 {
      let response = try server.complete(
        #""max_tokens": 4, "messages": [{"role": "user", "content": "Number \#(number)"}]"#)
      #expect(response.status == 200, "\(response.body)")
    }
    let hit = try server.complete(
      #""max_tokens": 4, "messages": [{"role": "user", "content": "\#(Workshop.cachedPrompt)"}]"#)
    #expect(hit.status == 200 && hit.body.contains(#""states":"reused""#), "\(hit.body)")
    let warnings = server.process.text("stderr").split(separator: "\n").filter {
      $0.contains("not stored")
    }
    #expect(warnings.count == 1, "\(server.process.text("stderr"))")
  }
}
