import FeatureCache
import Foundation
import Numerics
import Precompute
import Testing

/// What is stored does not depend on what was shared in computing, on where it was interrupted, or on
/// threads; and the plan's tokens are the run's.
@Suite(.serialized) struct SharedPrefixTests {
  let fixture: Fixture

  init() throws {
    fixture = try Fixture()
  }

  @Test(arguments: [Coverage.prompt, .document], [1, 2])
  func `the same bits with and without sharing`(coverage: Coverage, threads: Int) throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 700, seed: UInt64(threads))
    try ThreadTeam.shared.limited(to: threads) {
      var options = try fixture.options("corpus.jsonl", cache: "shared.sqlite")
      options.coverage = coverage
      let shared = try fixture.run(options)
      options.cache = fixture.path("whole.sqlite")
      options.sharedPrefixes = false
      let whole = try fixture.run(options)
      #expect(try fixture.digest("shared.sqlite") == fixture.digest("whole.sqlite"))
      #expect(shared.tokens < whole.tokens)
      #expect(whole.tokens == whole.plan.tokensBeforeSharing)
      #expect(shared.tokens == shared.plan.tokensToCompute)
      #expect(shared.documents == 700 && whole.documents == 700)
    }
  }

  @Test func `interrupted after any pass and run again`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 700, seed: 3)
    try fixture.run(try fixture.options("corpus.jsonl", cache: "whole.sqlite"))
    let options = try fixture.options("corpus.jsonl", cache: "stopped.sqlite")
    for stop in [0, 1, 2, 4, 7] { #expect(try fixture.run(options, stop: stop).interrupted) }
    let last = try fixture.run(options)
    #expect(!last.interrupted && last.plan.cachedDocuments > 0)
    #expect(last.tokens == last.plan.tokensToCompute)
    #expect(try fixture.digest("stopped.sqlite") == fixture.digest("whole.sqlite"))
  }

  @Test func `documents are stored in the corpus's order`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 500, seed: 4)
    try fixture.run(try fixture.options("corpus.jsonl", cache: "cache.sqlite"))
    let cache = try FeatureCache.open(fixture.path("cache.sqlite"))
    let table = try cache.table(.documents)
    let line = try #require(table.columns.firstIndex(of: "line"))
    let id = try #require(table.columns.firstIndex(of: "id"))
    let rows = table.rows.sorted { Int($0[id] ?? "") ?? 0 < Int($1[id] ?? "") ?? 0 }
    #expect(rows.map { Int($0[line] ?? "") ?? 0 } == Array(1...500))
  }

  @Test func `a plan computes nothing, and is the run's`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 400, seed: 6)
    let options = try fixture.options("corpus.jsonl", cache: "cache.sqlite")
    let plan = try Precompute(options).plan()
    #expect(!FileManager.default.fileExists(atPath: options.cache))
    #expect(plan.measured && plan.seconds > 0)
    let report = try fixture.run(options)
    #expect(report.tokens == plan.tokensToCompute && report.documents == plan.documents)
    #expect(abs(Double(report.fileBytes) / Double(plan.bytes) - 1) < 0.05)
    let again = try Precompute(options).plan()
    #expect(again.tokensToCompute == 0 && again.cachedDocuments == 400)
  }

  @Test func `the cache keeps the plan beside what happened`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 100, seed: 7)
    let report = try fixture.run(try fixture.options("corpus.jsonl", cache: "cache.sqlite"))
    let cache = try FeatureCache.open(fixture.path("cache.sqlite"))
    let runs = try cache.table(.runs)
    func value(_ name: String) throws -> String? {
      runs.rows[0][try #require(runs.columns.firstIndex(of: name))]
    }
    #expect(try value("planned_tokens") == "\(report.tokens)")
    #expect(try value("planned_bytes") == "\(report.plan.bytes)")
    #expect(try value("planned_seconds") != nil)
    #expect(try Double(value("file_bytes") ?? "") == Double(report.fileBytes))
    #expect(try value("idle_share") != nil)
  }
}
