import FeatureCache
import Foundation
import TestSupport
import Testing

/// Flags of the cache's commands that can't be meant: one line, status 64, and nothing is touched.
@Suite struct CacheUsageTests {
  @Test func `an unknown codec and a shard that is none`() throws {
    let workshop = try Workshop()
    for (arguments, words) in [
      (workshop.precomputing("--codec", "int5"), ["int5", "int8"]),
      (workshop.precomputing("--shard", "5/4"), ["5/4", "I/N"]),
      (workshop.precomputing("--shard", "second"), ["second", "I/N"]),
      (
        [
          "cache", "codecs", "--source", "source", "--corpus", "train.jsonl", "--codec",
          "int8,evil",
        ],
        ["evil", "int8"]
      ),
      (["cache", "import", "cache.sqlite", "--from", "a", "--codec", "int5"], ["int5", "int8"]),
      (
        ["cache", "import", "cache.sqlite", "--from", "a", "--codec", "transform:0.1"],
        ["transform:0.1", "precompute"]
      ),
      (workshop.precomputing("--codec", "transform:0"), ["transform:0", "at most 10"]),
      (workshop.precomputing("--fit-corpus", "train.jsonl"), ["--fit-corpus", "transform:0.005"]),
      (
        ["cache", "codecs", "--source", "source", "--corpus", "train.jsonl", "--codec", ","],
        ["--codec"]
      ),
      (
        [
          "cache", "codecs", "--source", "source", "--corpus", "train.jsonl", "--fit",
          "train.jsonl",
        ],
        ["--fit", "transform:0.005"]
      ),
    ] {
      let outcome = try workshop.denju(arguments)
      expectRefusal(outcome, status: 64)
      for word in words {
        #expect(outcome.errors.contains(word), Comment(rawValue: outcome.errors))
      }
    }
    #expect(!FileManager.default.fileExists(atPath: workshop.cache))
  }

  @Test(arguments: ["0m", "0d", "-5m", "5", "9223372036854775807d"])
  func `an age that would purge everything, or is none`(age: String) throws {
    let workshop = try CacheCommandTests.prepared()
    let before = try workshop.bytes("cache.sqlite")
    expectRefusal(
      try workshop.denju("cache", "purge", "cache.sqlite", "--older-than=\(age)"), status: 64,
      "older-than", age)
    #expect(try workshop.bytes("cache.sqlite") == before)
  }

  @Test func `storing in no cache`() throws {
    let workshop = try Workshop()
    expectRefusal(
      try workshop.denju("generate", "--run", "run", "--no-cache", "--store", "x"), status: 64,
      "--no-cache and --store contradict each other")
  }
}
