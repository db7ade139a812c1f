import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// Storing and finding: sharing, prefixes, order, runs, text byte for byte.
@Suite struct StoreTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  @Test func sharedBeginningsAreStoredOnce() throws {
    let cache = try fixture.create()
    let documents = (0..<5).map { TinyCache.document($0, tokens: 200, shared: 150) }
    for document in documents { try cache.put([try TinyCache.entry(cache, document)]) }
    // Two whole records of 64 are shared; the third record of each, and its end of 8 tokens, are
    // its own.
    let statistics = try cache.statistics()
    #expect(statistics.records == 2 + 5 * 2)
    #expect(statistics.tokens == 5 * 200)
    #expect(statistics.storedTokens == 128 + 5 * 72)
    #expect(statistics.documents == [.train: 5])
    for (entry, document) in zip(try cache.documents(), documents) {
      var expected = TinyCache.states(document.promptIDs)
      try expected.withUnsafeMutableBufferPointer {
        try cache.roundTrip($0.baseAddress!, tokens: 200, place: "test")
      }
      #expect(try TinyCache.read(cache, entry.id) == expected)
    }
    #expect(try cache.verify() == [])
  }

  @Test func equalPromptsShareAllTheirStates() throws {
    let cache = try fixture.create()
    var other = TinyCache.document(0, tokens: 100)
    other.response = Array("another answer".utf8)
    other.line = 9
    let report = try cache.put([
      try TinyCache.entry(cache, TinyCache.document(0, tokens: 100)),
      try TinyCache.entry(cache, other),
    ])
    #expect(report.stored == 2)
    #expect(report.records == 2)
    #expect(try cache.statistics().storedTokens == 100)
  }

  @Test func storingAgainChangesNothing() throws {
    let cache = try fixture.create()
    let entry = try TinyCache.entry(cache, TinyCache.document(0))
    try cache.put([entry])
    let digest = try cache.contentDigest()
    let report = try cache.put([entry])
    #expect(report.present == 1 && report.stored == 0 && report.records == 0)
    #expect(try cache.contentDigest() == digest)
  }

  @Test func theContentDoesNotDependOnTheOrder() throws {
    var documents = (0..<6).map { TinyCache.document($0, tokens: 70 + $0, shared: 64) }
    documents.append(documents[2])
    documents[6].line = 1000
    let forward = try fixture.create("forward.sqlite")
    let backward = try fixture.create("backward.sqlite")
    for document in documents { try forward.put([try TinyCache.entry(forward, document)]) }
    for document in documents.reversed() {
      try backward.put([try TinyCache.entry(backward, document)])
    }
    #expect(try forward.contentDigest() == backward.contentDigest())
    #expect(
      try forward.documents().map { try forward.document($0.id) }
        == backward.documents().map { try backward.document($0.id) })
  }

  @Test func bothCoveragesStandTogether() throws {
    let cache = try fixture.create()
    let document = TinyCache.document(0, tokens: 70)
    try cache.put([try TinyCache.entry(cache, document)])
    let report = try cache.put([try TinyCache.entry(cache, document, .document)])
    #expect(report.extended == 1 && report.records == 1)
    let entry = try #require(try cache.documents().first)
    #expect(entry.promptStates == 70 && entry.documentStates == 73)
    #expect(try TinyCache.read(cache, entry.id, .document).count == 73 * 8)
    #expect(try cache.verify() == [])
  }

  @Test func prefixes() throws {
    let cache = try fixture.create()
    let ids = (0..<150).map { Int32($0) }
    func put(_ number: Int, _ ids: [Int32]) throws {
      var document = TinyCache.document(number)
      document.promptIDs = ids
      try cache.put([try TinyCache.entry(cache, document)])
    }
    try put(0, Array(ids.prefix(140)))
    #expect(try cache.contains(tokenIDs: Array(ids.prefix(140))))
    #expect(try !cache.contains(tokenIDs: ids))
    #expect(try !cache.contains(tokenIDs: []))
    #expect(try cache.storedTokens(of: ids) == 128)
    #expect(try cache.storedTokens(of: Array(ids.prefix(130))) == 128)
    #expect(try cache.storedTokens(of: Array(ids.prefix(100))) == 64)
    #expect(try cache.storedTokens(of: Array(ids.prefix(140))) == 140)
    #expect(try cache.storedTokens(of: [5, 6]) == 0)
    try put(1, Array(ids.prefix(3)))
    #expect(try cache.contains(tokenIDs: Array(ids.prefix(3))))
    var states = [Float](repeating: 0, count: 150 * 8)
    let hit = try states.withUnsafeMutableBufferPointer {
      try cache.states(forTokenIDs: Array(ids.prefix(128)), into: $0)
    }
    #expect(hit)
    let miss = try states.withUnsafeMutableBufferPointer {
      try cache.states(forTokenIDs: ids, into: $0)
    }
    #expect(!miss)
    #expect(throws: CacheError.self) {
      _ = try states.withUnsafeMutableBufferPointer {
        try cache.states(
          forTokenIDs: ids, into: UnsafeMutableBufferPointer(rebasing: $0.dropLast()))
      }
    }
  }

  @Test func textIsKeptByteForByte() throws {
    let cache = try fixture.create()
    var document = TinyCache.document(0)
    document.corpus = "na\u{308}me"
    document.prompt = Array("zero \0 inside, e\u{301}, \u{1F600}".utf8)
    document.response = Array("\u{FEFF}\r\n".utf8)
    var composed = document
    composed.prompt = Array("zero \0 inside, \u{E9}, \u{1F600}".utf8)
    try cache.put([try TinyCache.entry(cache, document), try TinyCache.entry(cache, composed)])
    let stored = try cache.documents().map { try cache.document($0.id) }
    #expect(Set(stored.map(\.prompt)) == [document.prompt, composed.prompt])
    #expect(
      stored.allSatisfy {
        Array($0.corpus.utf8) == Array(document.corpus.utf8) && $0.response == document.response
      })
    #expect(try cache.verify() == [])
  }

  @Test func documentsComeInTheOrderOfTheCorpus() throws {
    let cache = try fixture.create()
    for number in [5, 1, 11, 3] {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, split: number == 3 ? .test : .train))
      ])
    }
    #expect(try cache.documents(.train).map { try cache.document($0.id).line } == [2, 6, 12])
    #expect(try cache.documents(.test).count == 1)
    #expect(try cache.documents(.validation).isEmpty)
  }

  @Test func aDocumentMovesToTheSplitItIsGiven() throws {
    let cache = try fixture.create()
    var document = TinyCache.document(0)
    document.split = .asked
    try cache.put([try TinyCache.entry(cache, document)])
    document.split = .train
    #expect(try cache.put([try TinyCache.entry(cache, document)]).moved == 1)
    document.split = .asked
    #expect(try cache.put([try TinyCache.entry(cache, document)]).moved == 0)
    #expect(try cache.documents(.train).count == 1)
    #expect(try cache.verify() == [])
  }

  @Test func theSameTextAsOtherTokensIsAConflict() throws {
    let cache = try fixture.create()
    try cache.put([try TinyCache.entry(cache, TinyCache.document(0))])
    var other = TinyCache.document(0)
    other.promptIDs.append(4)
    let entry = try TinyCache.entry(cache, other)
    let before = try cache.contentDigest()
    #expect(throws: CacheError.self) { try cache.put([entry]) }
    #expect(try cache.contentDigest() == before)
  }

  @Test func otherStatesOfTheSameTokensAreAConflict() throws {
    let cache = try fixture.create()
    let document = TinyCache.document(0)
    try cache.put([try TinyCache.entry(cache, document)])
    let wrong = [Float](repeating: 1, count: 80)
    let records = try cache.records(of: document.promptIDs, states: wrong, place: "test")
    #expect(throws: CacheError.self) {
      try cache.put([CacheEntry(document: document, coverage: .prompt, records: records)])
    }
  }

  @Test func whatHasNoStatesIsRefused() throws {
    let cache = try fixture.create()
    #expect(throws: CacheError.self) {
      try cache.put([CacheEntry(document: TinyCache.document(0), coverage: .prompt, records: [])])
    }
    var empty = TinyCache.document(0)
    empty.promptIDs = []
    #expect(throws: CacheError.self) {
      try cache.put([CacheEntry(document: empty, coverage: .prompt, records: [])])
    }
    #expect(throws: CacheError.self) {
      let states = [Float](repeating: .nan, count: 80)
      _ = try cache.records(
        of: TinyCache.document(0).promptIDs, states: states, place: "corpus.jsonl:1")
    }
    // The second record of a chain whose first is nowhere.
    let long = TinyCache.document(1, tokens: 100)
    let rest = try cache.records(
      of: long.promptIDs, from: 64,
      states: Array(TinyCache.states(long.promptIDs).dropFirst(64 * 8)),
      place: "test")
    #expect(throws: CacheError.self) {
      try cache.put([CacheEntry(document: long, coverage: .prompt, records: rest)])
    }
    #expect(try cache.statistics().records == 0)
  }

  @Test func batches() throws {
    let cache = try fixture.create()
    let run = try cache.beginRun(
      .precompute, plan: #"{"documents":10}"#, options: #"{"layer":2}"#, seed: .max)
    let writer = BatchWriter(cache, run: run, documents: 4, seconds: 1000)
    var flushed = 0
    for number in 0..<10 {
      let document = TinyCache.document(number, tokens: 100, shared: 64)
      let start = try writer.storedTokens(of: document.promptIDs)
      #expect(start == (number == 0 ? 0 : 64))
      let states = Array(TinyCache.states(document.promptIDs).dropFirst(start * 8))
      let records = try cache.records(
        of: document.promptIDs, from: start, states: states, place: document.place)
      if try writer.add(CacheEntry(document: document, coverage: .prompt, records: records)) {
        flushed += 1
      }
    }
    #expect(flushed == 2)
    #expect(try cache.documents().count == 8)
    try writer.flush()
    #expect(try cache.documents().count == 10)
    #expect(writer.report.stored == 10 && writer.report.records == 11)
    var progress = RunProgress()
    progress.documents = 10
    progress.tokens = 424
    progress.seconds = 2
    progress.outcomes = ["stored": 10]
    try cache.note(run, progress, .finished)
    let runs = try cache.table(.runs)
    let row = Dictionary(uniqueKeysWithValues: zip(runs.columns, try #require(runs.rows.first)))
    #expect(row["status"] == "finished" && row["tokens_per_second"] == "212.0")
    #expect(row["seed"] == "18446744073709551615" && row["outcomes"] == #"{"stored":10}"#)
  }

  @Test func anAbandonedRunIsMarked() throws {
    var cache = try fixture.create()
    _ = try cache.beginRun(.precompute)
    try cache.close()
    cache = try FeatureCache.open(fixture.path(), .write)
    #expect(try cache.table(.runs).rows.first?[2] == "interrupted")
    #expect(throws: CacheError.self) { try cache.beginRun(.precompute, plan: "not JSON") }
  }
}
