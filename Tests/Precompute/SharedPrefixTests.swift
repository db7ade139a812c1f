import Corpora
import FeatureCache
import Foundation
import GRDB
import Identity
import ModelFiles
import Numerics
import Precompute
import Testing
import Tokenization

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

  /// What is sampled then is beside documents that the cache has.
  @Test func `a plan of what an interrupted run left`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 700, seed: 8)
    let options = try fixture.options("corpus.jsonl", cache: "cache.sqlite")
    #expect(try fixture.run(options, stop: 4).interrupted)
    let plan = try Precompute(options).plan()
    #expect(plan.measured && plan.cachedDocuments > 0 && plan.tokensToCompute > 0)
    #expect(try fixture.run(options).tokens == plan.tokensToCompute)
  }

  /// A row that occurs often is stored once, and planned so.
  @Test func `a plan counts equal rows once`() throws {
    let row = #"{"prompt": "the city of seven", "response": " x"}"# + "\n"
    try fixture.write("corpus.jsonl", String(repeating: row, count: 3000))
    let options = try fixture.options("corpus.jsonl", cache: "cache.sqlite")
    let plan = try Precompute(options).plan()
    let report = try fixture.run(options)
    #expect(plan.documents == 3000 && report.tokens == plan.tokensToCompute)
    #expect(abs(Double(plan.bytes - report.fileBytes)) < 20_000)
  }

  /// Records that another text begins with stay as they are, whatever computed them.
  @Test func `a text goes on from records that the cache has`() throws {
    let words = (0..<90).map { "\(["red", "blue", "the"][$0 % 3])" }.joined(separator: " ")
    func write(_ name: String, _ endings: [String]) throws {
      let rows = endings.map { #"{"prompt": "\#(words) \#($0)", "response": " x"}"# }
      try fixture.write(name, rows.joined(separator: "\n") + "\n")
    }
    try write("first.jsonl", ["city"])
    try write("both.jsonl", ["city", "water"])
    let first = try fixture.run(try fixture.options("first.jsonl", cache: "cache.sqlite"))
    try DatabaseQueue(path: fixture.path("cache.sqlite")).write { db in
      // As another version's arithmetic would have left them.
      try db.execute(sql: "UPDATE records SET payload = CAST(payload || x'00' AS BLOB)")
    }
    let both = try fixture.run(try fixture.options("both.jsonl", cache: "cache.sqlite"))
    #expect(both.outcomes["stored"] == 1 && both.bytes > 0 && both.bytes < first.bytes)
  }

  @Test func `stopped before anything is computed, it leaves nothing`() throws {
    try fixture.writeCorpus("corpus.jsonl", rows: 50, seed: 9)
    let options = try fixture.options("corpus.jsonl", cache: "cache.sqlite")
    let report = try Precompute(options).run { _, _ in
    } shouldStop: {
      true
    }
    #expect(report.interrupted && !FileManager.default.fileExists(atPath: options.cache))
    #expect(throws: PrecomputeError.interrupted) { try Precompute(options).plan { true } }
  }

  /// A row that comes to no token is a bad row, named by its place.
  @Test func `a prompt that the tokenizer has no token for`() throws {
    // A tokenizer without the token of byte 6, as SmolLM2's is.
    let tokenizer = try String(
      contentsOfFile: fixture.path("source/tokenizer.json"), encoding: .utf8)
    try fixture.write(
      "source/tokenizer.json",
      tokenizer.replacingOccurrences(of: "\"\u{106}\":", with: "\"\u{106}\u{106}\":"))
    try fixture.write(
      "corpus.jsonl",
      #"{"prompt": "the city", "response": " x"}"# + "\n"
        + #"{"prompt": "\u0006", "response": " x"}"# + "\n")
    var options = try fixture.options("corpus.jsonl", cache: "cache.sqlite")
    try #require(try Tokenizer.load(ModelFolder.open(options.source)).encode("\u{6}").isEmpty)
    #expect(throws: CorpusError.self) { try fixture.run(options) }
    options.badRows = .skip
    let report = try fixture.run(options)
    #expect(report.documents == 1)
    #expect(report.outcomes["skipped: no characters that the tokenizer has tokens for"] == 1)
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
