import Corpora
import FeatureCache
import Foundation
import Precompute
import Testing

/// A codec that is fitted on the corpus before it is precomputed: once, the same for all shards, and kept.
@Suite(.serialized) struct TransformPrecomputeTests {
  let fixture: Fixture

  init() throws {
    fixture = try Fixture()
    try fixture.writeCorpus("corpus.jsonl", rows: 420, seed: 4)
  }

  private func options(_ cache: String, allowance: Double = 0.05) throws -> PrecomputeOptions {
    var options = try fixture.options("corpus.jsonl", cache: cache)
    options.codec = .transform(allowance: allowance)
    return options
  }

  private func fit(_ cache: String) throws -> TransformFit {
    let cache = try FeatureCache.open(fixture.path(cache), stream: .first)
    return try #require(cache.codec as? TransformCodec).fit
  }

  @Test func `the fit keeps to what is allowed, and is made once`() throws {
    try fixture.run(try options("cache.sqlite"))
    let digest = try fixture.digest("cache.sqlite")
    let fit = try fit("cache.sqlite")
    #expect(fit.allowance == 0.05 && fit.measurement.cost <= 0.05)
    #expect(fit.measurement.cost > 0.03, "and uses most of it")
    #expect(fit.measurement.heldOutTokens > 1000 && fit.measurement.fittedTokens > 1000)
    let again = try fixture.run(try options("cache.sqlite"))
    #expect(again.tokens == 0)
    // More texts pass through the same fit.
    try fixture.writeCorpus("corpus.jsonl", rows: 560, seed: 5)
    #expect(try fixture.run(try options("cache.sqlite")).tokens > 0)
    #expect(try self.fit("cache.sqlite").bytes == fit.bytes)
    #expect(try fixture.digest("cache.sqlite") != digest)
  }

  @Test func `a stricter allowance takes more bytes`() throws {
    let loose = try fixture.run(try options("loose.sqlite", allowance: 0.2))
    let strict = try fixture.run(try options("strict.sqlite", allowance: 0.02))
    #expect(strict.bytes > loose.bytes)
    #expect(
      try fit("strict.sqlite").measurement.divergence
        < fit("loose.sqlite").measurement.divergence)
  }

  @Test func `shards have one fit, and together make the single run's cache`() throws {
    try fixture.run(try options("whole.sqlite"))
    for index in 1...2 {
      var options = try options("part\(index).sqlite")
      options.shard = try CorpusShard(parsing: "\(index)/2")
      try fixture.run(options)
    }
    let part = try FeatureCache.open(fixture.path("part2.sqlite"))
    let merged = try FeatureCache.open(fixture.path("part1.sqlite"), .write)
    _ = try merged.merge(part)
    try merged.close()
    #expect(try fixture.digest("part1.sqlite") == fixture.digest("whole.sqlite"))
  }

  @Test func `a fit interrupted leaves nothing, and an interrupted run goes on`() throws {
    var asked = 0
    let stopped = try Precompute(try options("cache.sqlite")).run { _, _ in
    } shouldStop: {
      asked += 1
      return asked > 1000
    }
    #expect(stopped.interrupted)
    #expect(!FileManager.default.fileExists(atPath: fixture.path("cache.sqlite")))
    try fixture.run(try options("cache.sqlite"), stop: 3)
    try fixture.run(try options("cache.sqlite"))
    try fixture.run(try options("whole.sqlite"))
    #expect(try fixture.digest("cache.sqlite") == fixture.digest("whole.sqlite"))
  }

  @Test func `another allowance is other states`() throws {
    try fixture.run(try options("cache.sqlite"))
    var other = try options("cache.sqlite", allowance: 0.1)
    #expect(throws: PrecomputeError.self) { try fixture.run(other) }
    other.beside = true
    try fixture.run(other)
    let cache = try FeatureCache.open(fixture.path("cache.sqlite"), stream: .first)
    #expect(try cache.streams().count == 2 && cache.verify().isEmpty)
  }

  @Test func `other layers are fitted without the output layer`() throws {
    var middle = try options("cache.sqlite")
    middle.layer = 1
    try fixture.run(middle)
    #expect(try fit("cache.sqlite").measurement.cost <= 0.05)
  }

  @Test func `texts of another corpus can be fitted on, and too few are refused`() throws {
    try fixture.writeCorpus("few.jsonl", rows: 3, seed: 6)
    var few = try fixture.options("few.jsonl", cache: "few.sqlite")
    few.codec = .transform(allowance: 0.05)
    let error = #expect(throws: (any Error).self) { try fixture.run(few) }
    #expect("\(error!)".contains("to fit"))
    #expect(!FileManager.default.fileExists(atPath: fixture.path("few.sqlite")))
    few.fitCorpus = try Corpus(fixture.path("corpus.jsonl"))
    #expect(try fixture.run(few).documents == 3)
  }
}
