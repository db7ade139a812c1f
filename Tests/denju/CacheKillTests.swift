import FeatureCache
import Foundation
import Numerics
import TestSupport
import Testing

/// One process writes, and others read or would write too.
@Suite(.serialized) struct SeveralProcessesTests {
  @Test func `ten read while one writes, and a second writer is refused`() throws {
    let workshop = try Workshop()
    let rows = (0..<9000).map { #"{"prompt": "The thing \#($0) is", "response": " red."}"# + "\n" }
    try workshop.write("many.jsonl", rows.joined())
    let corpus = ["precompute", "--source", "source", "--corpus", "many.jsonl"]
    expectSuccess(try workshop.denju(corpus + ["--cache", "alone.sqlite"]))
    let writer = try workshop.start(corpus + ["--cache", "cache.sqlite"])
    // The views are there from the first transaction on.
    writer.waitUntil {
      (try? FeatureCache.open(workshop.cache).statistics().records) ?? 0 > 0
    }
    let readers = try (0..<10).map { number in
      try workshop.start(
        number % 2 == 0
          ? ["cache", "verify", "cache.sqlite"] : ["cache", "stats", "cache.sqlite"])
    }
    let second = try workshop.denju("cache", "purge", "cache.sqlite", "--split", "train")
    let wasRunning = !writer.hasEnded
    for reader in readers { expectSuccess(reader.wait()) }
    expectSuccess(writer.wait())
    if wasRunning {
      expectRefusal(second, "cache.sqlite", "process")
      #expect(try workshop.digest() == workshop.digest(workshop.path("alone.sqlite")))
    }
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
  }
}

/// What changes a cache, killed at any moment: it opens and verifies, and the same command ends in what an
/// undisturbed one ends in. `Tests/Acceptance/kills.py` does so some hundred times.
@Suite(.serialized) struct CacheKillTests {
  private static func prepared() throws -> Workshop {
    let workshop = try Workshop()
    let rows = (0..<1200).map { #"{"prompt": "The thing \#($0) is", "response": " red."}"# + "\n" }
    try workshop.write("train.jsonl", rows.joined())
    for (name, shard) in [("half", "1/2"), ("other", "2/2")] {
      expectSuccess(
        try workshop.denju(
          "precompute", "--source", "source", "--corpus", "train.jsonl", "--shard", shard,
          "--cache", "\(name).sqlite"))
    }
    return workshop
  }

  @Test(arguments: [
    ["merge", "killed.sqlite", "other.sqlite"], ["purge", "killed.sqlite", "--split", "train"],
    ["compact", "killed.sqlite"],
  ])
  func `killed at any moment and run again`(arguments: [String]) throws {
    let workshop = try Self.prepared()
    let cache = workshop.path("killed.sqlite")
    func reset() throws {
      for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
        try? FileManager.default.removeItem(atPath: cache + suffix)
      }
      try FileManager.default.copyItem(atPath: workshop.path("half.sqlite"), toPath: cache)
    }
    try reset()
    let began = ContinuousClock.now
    expectSuccess(try workshop.denju(["cache"] + arguments))
    let duration = (ContinuousClock.now - began) / .microseconds(1)
    let content = try workshop.digest(cache)
    var generator = SeededGenerator(seed: 5)
    var kills = 0
    for _ in 0..<6 {
      try reset()
      let process = try workshop.start(["cache"] + arguments)
      usleep(UInt32(Double(generator.next() % 1000) / 1000 * duration))
      if process.send(SIGKILL) { kills += 1 }
      _ = process.wait()
      expectSuccess(try workshop.denju("cache", "verify", "killed.sqlite"))
      expectSuccess(try workshop.denju(["cache"] + arguments))
      #expect(try workshop.digest(cache) == content)
      expectSuccess(try workshop.denju("cache", "verify", "killed.sqlite"))
    }
    #expect(kills > 0)
  }
}
