import FeatureCache
import Foundation
import TestSupport
import Testing

/// The questions a person asks with plain `sqlite3`.
@Suite struct ViewTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  @Test func theSchemaIsTheFile() throws {
    #expect(Array(Schema.text.utf8) == (try Checkout.bytes("Schemas/cache.sql")))
  }

  @Test func theyAnswerWhenEmpty() throws {
    let cache = try fixture.create()
    for view in CacheView.allCases { #expect(try !cache.table(view).columns.isEmpty) }
    try cache.close()
    let summary = try TinyCache.sqlite3(fixture.path(), "SELECT * FROM cache_summary")
    #expect(summary.contains("\ndocuments|0\n"))
  }

  @Test func theyAnswerThroughSqlite3() throws {
    let cache = try fixture.create()
    let run = try cache.beginRun(.precompute)
    for number in 0..<10 {
      let split: DocumentSplit = number < 7 ? .train : number == 7 ? .validation : .test
      try cache.put(
        [
          try TinyCache.entry(
            cache, TinyCache.document(number, tokens: 100, split: split, shared: 64))
        ],
        run: run)
    }
    try cache.note(run, RunProgress(), .finished)
    // While the writer has it open, too.
    let summary = try TinyCache.sqlite3(fixture.path(), "SELECT * FROM cache_summary")
    let facts = Dictionary(
      uniqueKeysWithValues: summary.split(separator: "\n").map { line in
        let parts = line.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      })
    #expect(facts["sources"] == "tiny")
    #expect(
      facts["documents"] == "10" && facts["documents: train"] == "7"
        && facts["documents: test"] == "2")
    #expect(facts["tokens of all documents"] == "1000" && facts["tokens stored"] == "424")
    #expect(facts["tokens saved by sharing"] == "576" && facts["records"] == "11")
    let statistics = try cache.statistics()
    #expect(facts["bytes of states"] == "\(statistics.stateBytes)")
    #expect(facts["bytes of file"] == "\(statistics.fileBytes)")
    let ratio = try #require(Double(facts["times smaller than float32"] ?? ""))
    #expect(abs(ratio - Double(statistics.float32Bytes) / Double(statistics.stateBytes)) < 0.01)
    #expect(facts["last run"]?.hasPrefix("precompute, finished, 20") == true)
    func ask(_ sql: String) throws -> String { try TinyCache.sqlite3(fixture.path(), sql) }
    #expect(
      try ask(
        "SELECT source, layer, codec, documents, tokens, stored_tokens, records FROM cache_by_source"
      )
        == "tiny|2|int8|10|1000|424|11\n")
    #expect(
      try ask("SELECT codec, records, tokens, float32_bytes FROM cache_by_codec")
        == "int8|11|424|13568\n")
    #expect(
      try ask("SELECT mean_relative_error BETWEEN 0.0001 AND 0.01 FROM cache_by_codec") == "1\n")
    #expect(
      try ask(
        "SELECT split, line, prompt, prompt_tokens, coverage, state_tokens FROM cache_documents WHERE line = 8"
      )
        == "validation|8|prompt 7|100|prompt|100\n")
    #expect(try ask("SELECT kind, status FROM cache_runs") == "precompute|finished\n")
  }
}

/// Sharing, errors, sizes and days, in caches where they can be reckoned by hand.
@Suite struct DerivedViewTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func ask(_ sql: String) throws -> [String] {
    try TinyCache.sqlite3(fixture.path(), sql).split(separator: "\n").map(String.init)
  }

  @Test func whatSharingSaves() throws {
    let cache = try fixture.create()
    // Documents 0 to 3 begin alike: 64 of their 100 tokens are stored once. Document 0's prompt is there
    // thrice, with other answers.
    for number in 0..<4 {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    for line in [50, 51] {
      var again = TinyCache.document(0, tokens: 100, shared: 64)
      again.response = Array("answer \(line)".utf8)
      again.line = line
      try cache.put([try TinyCache.entry(cache, again)])
    }
    try cache.close()
    #expect(
      try ask(
        """
        SELECT stream, tokens, stored_tokens, saved_by_equal_texts, saved_by_shared_beginnings, times_shared
        FROM cache_savings
        """) == ["1|600|208|200|192|2.885"])
    #expect(
      try ask(
        "SELECT documents, tokens, tokens_saved, first_document, prompt FROM cache_duplicates")
        == ["3|100|200|1|prompt 0"])
    let largest = try ask("SELECT id, tokens, text_bytes, prompt FROM cache_largest")
    #expect(largest.count == 6)
    #expect(largest.contains("2|100|18|prompt 1"))
    let whole = try ask("SELECT sum(bytes) FROM cache_largest WHERE id = 2")
    let chain = try ask(
      """
      SELECT sum(length(payload)) FROM records
      WHERE id IN (SELECT tail FROM chains WHERE document = 2) OR parent IS NULL
      """)
    #expect(whole == chain)
  }

  @Test func quantilesOfErrors() throws {
    let cache = try fixture.create()
    for number in 0..<20 { try cache.put([try TinyCache.entry(cache, TinyCache.document(number))]) }
    try cache.close()
    let errors = try ask("SELECT round(error_rms, 6) FROM records ORDER BY error_rms")
    #expect(errors.count == 20)
    #expect(
      try ask("SELECT records, least, median, p90, p99, worst FROM cache_errors")
        == ["20|\(errors[0])|\(errors[9])|\(errors[17])|\(errors[19])|\(errors[19])"])
  }

  @Test func whatEachDayStored() throws {
    let cache = try fixture.create()
    for number in 0..<3 {
      let run = try cache.beginRun(.precompute)
      try cache.put([try TinyCache.entry(cache, TinyCache.document(number, tokens: 70))], run: run)
    }
    try cache.close()
    _ = try ask("UPDATE records SET created = 86400 * 365 WHERE run = 1")
    let today = try ask("SELECT date('now')")[0]
    #expect(
      try ask("SELECT day, run, kind, records, tokens FROM cache_by_day") == [
        "1971-01-01|1|precompute|2|70", "\(today)|2|precompute|2|70",
        "\(today)|3|precompute|2|70",
      ])
  }
}

/// Views follow the program, tables the schema's version.
@Suite struct ViewRefreshTests {
  @Test func anOlderCachesViewsAnswerAndAreRenewedByAWriter() throws {
    let fixture = try TinyCache()
    try fixture.create().close()
    _ = try TinyCache.sqlite3(
      fixture.path(), "DROP VIEW cache_runs; CREATE VIEW cache_runs AS SELECT id, kind FROM runs")
    let reader = try FeatureCache.open(fixture.path())
    #expect(try reader.table(.runs).columns == ["id", "kind"])
    try reader.close()
    let writer = try FeatureCache.open(fixture.path(), .write)
    #expect(try writer.table(.runs).columns.contains("planned_tokens"))
    try writer.close()
    let version = try TinyCache.sqlite3(fixture.path(), "PRAGMA user_version")
    #expect(version == "\(Schema.version)\n")
  }
}
