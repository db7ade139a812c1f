import FeatureCache
import Foundation
import Numerics
import TestSupport
import Testing

/// Precomputing that was ended and run again ends in the same cache.
@Suite(.serialized) struct PrecomputeInterruptionTests {
  static func workshop() throws -> Workshop {
    let workshop = try Workshop()
    // Many transactions' worth of documents, no two alike: a second or so, so that a signal comes in time.
    let rows = (0..<9000).map { #"{"prompt": "The thing \#($0) is", "response": " red."}"# + "\n" }
    try workshop.write("train.jsonl", rows.joined())
    return workshop
  }

  static func arguments(_ cache: String) -> [String] {
    [
      "precompute", "--source", "source", "--corpus", "train.jsonl", "--cache", cache,
      "--conditioning", "aligned", "--seed", "5",
    ]
  }

  @Test func `killed at any moment and run again`() throws {
    let workshop = try Self.workshop()
    expectSuccess(try workshop.denju(Self.arguments("whole.sqlite")))
    var generator = SeededGenerator(seed: 3)
    var kills = 0
    for attempt in 0..<8 {
      let process = try workshop.start(Self.arguments("killed.sqlite"))
      if attempt % 2 == 1 {
        process.waitUntil { FileManager.default.fileExists(atPath: workshop.path("killed.sqlite")) }
      }
      usleep(UInt32(generator.next() % 400_000))
      if process.send(SIGKILL) { kills += 1 }
      _ = process.wait()
    }
    #expect(kills > 0)
    let readable = workshop.path("killed.sqlite")
    expectSuccess(try workshop.denju(Self.arguments("killed.sqlite")))
    #expect(try workshop.digest(readable) == workshop.digest(workshop.path("whole.sqlite")))
    expectSuccess(try workshop.denju("cache", "verify", "killed.sqlite"))
  }

  @Test func `a signal ends it with 130, and a second run ends in the same cache`() throws {
    let workshop = try Self.workshop()
    expectSuccess(try workshop.denju(Self.arguments("whole.sqlite")))
    for (signal, name) in [(SIGINT, "interrupted.sqlite"), (SIGTERM, "ended.sqlite")] {
      let process = try workshop.start(Self.arguments(name))
      process.waitUntil { FileManager.default.fileExists(atPath: workshop.path(name)) }
      try #require(process.send(signal))
      let outcome = process.wait()
      #expect(outcome.status == 130)
      #expect(outcome.errors.contains("again"))
      expectSuccess(try workshop.denju("cache", "verify", name))
      expectSuccess(try workshop.denju(Self.arguments(name)))
      #expect(
        try workshop.digest(workshop.path(name)) == workshop.digest(workshop.path("whole.sqlite")))
    }
  }

  @Test func `a second writer is refused by name`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(Self.arguments("cache.sqlite")))
    // The first writer is this process, which writes for as long as it likes.
    let first = try FeatureCache.open(workshop.cache, .write)
    let second = try workshop.denju(Self.arguments("cache.sqlite"))
    expectRefusal(second, "cache.sqlite", "process \(getpid())")
    try first.close()
    expectSuccess(try workshop.denju(Self.arguments("cache.sqlite")))
  }
}
