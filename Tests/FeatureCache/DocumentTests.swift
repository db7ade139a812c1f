import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

/// A document is stored once: as its corpus gave it, whichever sources read it.
@Suite struct DocumentTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  /// Another source than the fixture's.
  private var other: CacheIdentity {
    var identity = fixture.identity()
    identity.weights = String(repeating: "cd", count: 32)
    return identity
  }

  private func open(
    _ identity: CacheIdentity? = nil, _ name: String = "cache.sqlite"
  ) throws -> FeatureCache {
    try FeatureCache.create(
      fixture.path(name), identity: identity ?? fixture.identity(), source: fixture.source,
      beside: true)
  }

  private func ask(_ sql: String, _ name: String = "cache.sqlite") throws -> String {
    try TinyCache.sqlite3(fixture.path(name), sql)
  }

  /// A conversation, as a source's template writes it.
  private func chat(_ number: Int, opening: String = "<user>") -> CacheDocument {
    var document = TinyCache.document(number)
    document.form = .messages
    document.givenPrompt = Array(#"[{"role":"user","content":"prompt \#(number)"}]"#.utf8)
    document.prompt = Array("\(opening)prompt \(number)".utf8)
    document.promptIDs.append(Int32(opening.utf8.count))
    return document
  }

  /// The same, as a cache of before has it.
  private func rendered(_ document: CacheDocument) -> CacheDocument {
    var rendered = document
    (rendered.form, rendered.givenPrompt) = (.rendered, nil)
    return rendered
  }

  @discardableResult
  private func put(_ document: CacheDocument, in cache: FeatureCache, run: RunID? = nil) throws
    -> PutReport
  {
    try cache.put([try TinyCache.entry(cache, document)], run: run)
  }

  @Test func `a second source finds the document by what was given`() throws {
    let first = try open()
    #expect(try put(chat(1), in: first).stored == 1)
    try first.close()
    let second = try open(other)
    // Its template writes another text.
    let report = try put(chat(1, opening: "[INST] "), in: second)
    #expect(report.stored == 0 && report.extended == 1)
    #expect(
      try ask("SELECT count(*) FROM documents; SELECT count(*) FROM members") == "1\n1\n")
    #expect(
      try ask("SELECT source, prompt, prompt_tokens FROM encodings ORDER BY 1")
        == "1|<user>prompt 1|11\n2|[INST] prompt 1|11\n")
    #expect(
      try ask("SELECT form, prompt FROM documents")
        == #"messages|[{"role":"user","content":"prompt 1"}]"# + "\n")
    let streams = try second.streams()
    let ids = try streams.map { try #require(try $0.documents().first).id }
    #expect(ids[0] == ids[1])
    #expect(try streams[0].document(ids[0]) == chat(1))
    #expect(try streams[1].document(ids[0]) == chat(1, opening: "[INST] "))
    #expect(try second.verify() == [])
    for (stream, document) in zip(streams, [chat(1), chat(1, opening: "[INST] ")]) {
      #expect(try stream.documentID(document.key) == ids[0])
      #expect(try stream.documentID(of: document) == ids[0])
    }
    #expect(
      try ask("SELECT id, stream, prompt, prompt_tokens, form, corpora FROM cache_documents")
        == "1|1|<user>prompt 1|11|messages|1\n1|2|[INST] prompt 1|11|messages|1\n")
  }

  @Test func `text and messages that are read alike are two documents`() throws {
    let cache = try open()
    var text = rendered(chat(1))
    text.form = .text
    try put(chat(1), in: cache)
    try put(text, in: cache)
    #expect(try put(text, in: cache).present == 1)
    #expect(try cache.documents().count == 2 && cache.statistics().records == 1)
    #expect(try ask("SELECT form FROM documents ORDER BY 1") == "messages\ntext\n")
    #expect(try ask("SELECT count(DISTINCT key) FROM encodings") == "1\n")
    #expect(
      try Set(cache.documents().map { try cache.document($0.id).form }) == [.text, .messages])
    // One of which only the rendering is known is one of them.
    #expect(try put(rendered(text), in: cache).present == 1)
    #expect(try cache.verify() == [])
  }

  @Test(arguments: [false, true])
  func `what was known as rendered takes the form that its corpus gives it`(sealed: Bool) throws {
    let key = try CacheKey(hexadecimal: String(repeating: "0f", count: 32), from: "the test")
    let cache = try FeatureCache.create(
      fixture.path(), identity: fixture.identity(), source: fixture.source, encrypted: sealed,
      key: key)
    var plain = TinyCache.document(2)
    for document in [rendered(chat(1)), plain] { try put(document, in: cache) }
    let before = try cache.documents()
    plain.form = .text
    for document in [chat(1), plain] { #expect(try put(document, in: cache).present == 1) }
    #expect(try cache.documents() == before)
    #expect(try before.map { try cache.document($0.id) } == [chat(1), plain])
    #expect(try cache.verify() == [])
    #expect(
      try ask("SELECT form FROM documents ORDER BY id; SELECT count(*) FROM encodings")
        == "messages\ntext\n2\n")
    if sealed {
      let file = try Data(contentsOf: URL(fileURLWithPath: fixture.path()))
      #expect(file.range(of: Data("prompt 1".utf8)) == nil)
      #expect(try ask("SELECT DISTINCT prompt IS NULL FROM encodings") == "1\n")
    }
  }

  /// Two renderings of one conversation, by two sources of before, are one document once both have precomputed it again.
  @Test func `renderings of several sources become one document`() throws {
    let first = try open()
    try put(rendered(chat(1)), in: first)
    try first.close()
    let second = try open(other)
    let theirs = chat(1, opening: "[INST] ")
    try put(rendered(theirs), in: second)
    #expect(try ask("SELECT count(*) FROM documents") == "2\n")
    let streams = try second.streams()
    #expect(try put(chat(1), in: streams[0]).present == 1)
    #expect(try put(theirs, in: streams[1]).present == 1)
    #expect(
      try ask("SELECT count(*) FROM documents; SELECT document, source FROM encodings")
        == "1\n1|1\n1|2\n")
    #expect(try ask("SELECT document, stream FROM chains") == "1|1\n1|2\n")
    #expect(try second.verify() == [])
    #expect(try streams[1].document(try #require(try streams[1].documents().first).id) == theirs)
  }

  /// One source reads the two alike, another does not: of that the states of one reading are kept, none are left over,
  /// and none go to the reading of other tokens.
  @Test(arguments: [Coverage.prompt, .document])
  func `states stay with what was read when two documents become one`(coverage: Coverage) throws {
    let first = try open()
    try put(rendered(chat(1)), in: first)
    try first.close()
    let second = try open(other)
    let streams = try second.streams()
    var theirs = rendered(chat(1))
    theirs.promptIDs = (0..<70).map { 500 + $0 }
    try second.put([try TinyCache.entry(second, theirs, coverage)])
    let mine = chat(1, opening: "[INST] ")
    try put(mine, in: second)
    #expect(try ask("SELECT count(*) FROM documents; SELECT count(*) FROM encodings") == "2\n3\n")
    #expect(try put(chat(1), in: streams[0]).present == 1)
    #expect(try second.verify() == [])
    for (stream, document) in zip(streams, [chat(1), mine]) {
      let entry = try #require(try stream.documents().first)
      #expect(try stream.documents().count == 1 && entry.coverages == [.prompt])
      #expect(try stream.document(entry.id) == document)
      _ = try TinyCache.read(stream, entry.id)
    }
    #expect(try ask("SELECT stream, sum(tokens) FROM records GROUP BY 1") == "1|11\n2|11\n")
  }

  @Test func `what other tokens are read of is no such rendering`() throws {
    let cache = try open()
    var old = rendered(chat(1))
    old.promptIDs.append(5)
    try put(old, in: cache)
    let before = try cache.contentDigest()
    let found = TinyCache.message { try put(chat(1), in: cache) }
    #expect(found.contains("the same text as other token ids"))
    #expect(try cache.contentDigest() == before && cache.verify() == [])
  }

  @Test func `purging a source leaves what another reads`() throws {
    let first = try open()
    for number in 0..<3 { try put(chat(number), in: first) }
    try first.close()
    let second = try open(other)
    for number in 1..<4 { try put(chat(number, opening: "[INST] "), in: second) }
    try second.close()
    let alone = try open(other, "alone.sqlite")
    for number in 1..<4 { try put(chat(number, opening: "[INST] "), in: alone) }
    let old = try FeatureCache.open(fixture.path(), .write, stream: .number(1))
    #expect(try old.purgeStream().documents == 1)
    try old.close()
    #expect(
      try ask("SELECT count(*) FROM documents; SELECT DISTINCT source FROM encodings")
        == "3\n2\n")
    let rest = try FeatureCache.open(fixture.path(), .write)
    #expect(try rest.verify() == [] && rest.contentDigest() == alone.contentDigest())
    // A document that goes goes whole.
    try rest.purge([try #require(try rest.documents().first).id])
    #expect(
      try ask(
        """
        SELECT count(*) FROM documents; SELECT count(*) FROM encodings; SELECT count(*) FROM members;
        SELECT count(*) FROM chains
        """) == "2\n2\n2\n2\n")
  }

  /// Another document has the same states, so that no record is left over to tell.
  @Test func `a document that one of its sources has lost the states of is found`() throws {
    for identity in [fixture.identity(), other] {
      let cache = try open(identity)
      var again = TinyCache.document(0)
      again.response = Array("another answer".utf8)
      for document in [TinyCache.document(0), again] { try put(document, in: cache) }
      try cache.close()
    }
    #expect(try ask("DELETE FROM chains WHERE document = 1 AND stream = 2") == "")
    let damage = try FeatureCache.open(fixture.path(), stream: .first).verify()
    #expect(damage.map(\.description) == ["document 1: it has no states of tiny"])
  }

  /// Old and new, in either order: the same, and no text twice.
  @Test(arguments: [false, true])
  func `a cache of before and a new one are merged`(oldFirst: Bool) throws {
    let old = try open(nil, "old.sqlite")
    for number in 0..<4 { try put(number == 3 ? chat(3) : rendered(chat(number)), in: old) }
    let new = try open(nil, "new.sqlite")
    for number in 1..<5 { try put(chat(number), in: new) }
    let whole = try open(nil, "whole.sqlite")
    for number in 0..<5 { try put(chat(number), in: whole) }
    let into = try open()
    for cache in oldFirst ? [old, new] : [new, old] { _ = try into.merge(cache) }
    #expect(
      try ask("SELECT form, count(*) FROM documents GROUP BY 1") == "messages|4\nrendered|1\n")
    #expect(try into.verify() == [] && into.contentDigest() == whole.contentDigest())
    #expect(try into.merge(new).stored == 0)
  }
}

/// Which corpora have a document, and which runs looked.
@Suite struct MemberTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func ask(_ sql: String) throws -> String {
    try TinyCache.sqlite3(fixture.path(), sql)
  }

  private func document(_ corpus: String, _ split: DocumentSplit, _ line: Int) -> CacheDocument {
    var document = TinyCache.document(0)
    (document.corpus, document.split, document.line) = (corpus, split, line)
    return document
  }

  private func put(_ document: CacheDocument, in cache: FeatureCache, run: RunID? = nil) throws
    -> PutReport
  {
    try cache.put([try TinyCache.entry(cache, document)], run: run)
  }

  @Test func `a document that two corpora give is in both, and in one set`() throws {
    let cache = try fixture.create()
    #expect(try put(document("b.jsonl", .train, 4), in: cache).stored == 1)
    #expect(try put(document("a.jsonl", .train, 9), in: cache).present == 1)
    let members = "SELECT corpus, split, line, counts FROM cache_members ORDER BY 1"
    let documents = "SELECT split, corpus, line, corpora FROM cache_documents"
    #expect(try ask(members) == "a.jsonl|train|9|1\nb.jsonl|train|4|1\n")
    #expect(try ask(documents) == "train|a.jsonl|9|2\n")
    // Put into another set, it is in that alone; what the other corpus says of it is kept.
    #expect(try put(document("b.jsonl", .test, 4), in: cache).moved == 1)
    #expect(try ask(members) == "a.jsonl|train|9|0\nb.jsonl|test|4|1\n")
    #expect(try ask(documents) == "test|b.jsonl|4|2\n")
    #expect(try cache.documents(.train).isEmpty && cache.documents(.test).count == 1)
    #expect(try cache.document(cache.documents()[0].id).place == "b.jsonl:4")
    #expect(try cache.verify() == [])
    #expect(try put(document("a.jsonl", .train, 9), in: cache).moved == 1)
    #expect(try ask(documents) == "train|a.jsonl|9|2\n")
  }

  @Test func `a prompt that was asked stays in the set it is put in`() throws {
    let cache = try fixture.create()
    _ = try put(document("asked", .asked, 0), in: cache)
    #expect(try ask("SELECT corpus, split FROM members") == "asked|asked\n")
    #expect(try put(document("a.jsonl", .train, 1), in: cache).moved == 1)
    let digest = try cache.contentDigest()
    #expect(try put(document("asked", .asked, 0), in: cache).present == 1)
    #expect(try ask("SELECT corpus, split FROM members") == "a.jsonl|train\n")
    #expect(try cache.contentDigest() == digest && cache.verify() == [])
  }

  @Test func `the first line of what a run saw counts, and the last run's`() throws {
    let cache = try fixture.create()
    let first = try cache.beginRun(.precompute)
    for line in [9, 3, 5] { _ = try put(document("a.jsonl", .train, line), in: cache, run: first) }
    #expect(try ask("SELECT line, seen FROM members") == "3|1\n")
    let second = try cache.beginRun(.precompute)
    for line in [8, 6] { _ = try put(document("a.jsonl", .train, line), in: cache, run: second) }
    #expect(try ask("SELECT line, seen FROM members") == "6|2\n")
    let id = try #require(try cache.documents().first).id
    #expect(try cache.members(of: id).map(\.line) == [6] && cache.document(id).line == 6)
    #expect(try cache.verify() == [])
  }

  @Test func `a merge keeps what the later run saw, whichever way`() throws {
    let caches = try ["one", "two"].map { try fixture.create($0) }
    for (cache, line) in zip(caches, [3, 8]) {
      let pass = CorpusPass(corpus: "a.jsonl", split: .train, part: line == 3 ? 1 : 2, parts: 2)
      let run = try cache.beginRun(.precompute, passes: [pass])
      _ = try put(document("a.jsonl", .train, line), in: cache, run: run)
      try cache.note(run, RunProgress(), line == 3 ? .finished : .interrupted)
      try cache.close()
    }
    _ = try TinyCache.sqlite3(fixture.path("one"), "UPDATE runs SET started = started - 100")
    for order in [["one", "two"], ["two", "one"]] {
      let name = order.joined()
      let into = try fixture.create(name)
      for from in order { _ = try into.merge(try FeatureCache.open(fixture.path(from))) }
      let seen = try TinyCache.sqlite3(
        fixture.path(name),
        """
        SELECT line, started = (SELECT max(started) FROM runs) FROM members JOIN runs ON runs.id = seen;
        SELECT corpus, split, part, parts, completed FROM cache_passes ORDER BY part
        """)
      #expect(seen == "8|1\na.jsonl|train|1|2|1\na.jsonl|train|2|2|0\n")
      #expect(try into.verify() == [])
    }
  }

  /// Two corpora moved it, each in another cache and neither to the set that it is in: the later run decides, whose row
  /// may be the first.
  @Test func `a document that no corpus has in its set goes where the last run found it`() throws {
    let places: [(String, [(CacheDocument, started: Int)])] = [
      ("one", [(document("b.jsonl", .validation, 1), 300), (document("a.jsonl", .train, 2), 100)]),
      ("two", [(document("a.jsonl", .test, 3), 400), (document("b.jsonl", .train, 4), 200)]),
    ]
    for (name, documents) in places {
      let cache = try fixture.create(name)
      for (document, _) in documents {
        let run = try cache.beginRun(.precompute)
        _ = try put(document, in: cache, run: run)
        try cache.note(run, RunProgress(), .finished)
      }
      try cache.close()
      for (place, entry) in documents.enumerated() {
        let sql = "UPDATE runs SET started = \(entry.started) WHERE id = \(place + 1)"
        #expect(try TinyCache.sqlite3(fixture.path(name), sql) == "")
      }
    }
    for order in [["one", "two"], ["two", "one"]] {
      let name = order.joined()
      let into = try fixture.create(name)
      for from in order { _ = try into.merge(try FeatureCache.open(fixture.path(from))) }
      let found = try TinyCache.sqlite3(
        fixture.path(name),
        "SELECT split FROM documents; SELECT corpus, split, line FROM members ORDER BY 1")
      #expect(found == "test\na.jsonl|test|3\nb.jsonl|validation|1\n")
      #expect(try into.verify() == [])
    }
  }

  @Test func `a run that was going when it was merged is brought up to its end`() throws {
    let shard = try fixture.create("shard")
    let run = try shard.beginRun(
      .precompute, passes: [CorpusPass(corpus: "a.jsonl", split: .train)])
    _ = try put(document("a.jsonl", .train, 1), in: shard, run: run)
    var progress = RunProgress()
    func note(_ documents: Int, _ status: FeatureCache.RunStatus) throws {
      (progress.documents, progress.seconds) = (documents, Double(documents))
      progress.outcomes = ["stored": documents]
      try shard.note(run, progress, status)
    }
    let state = """
      SELECT status, ended IS NULL, documents, seconds, outcomes, completed FROM runs JOIN passes ON run = runs.id
      """
    try note(1, .running)
    let (copy, into) = (try fixture.create("copy"), try fixture.create())
    _ = try copy.merge(shard)
    _ = try into.merge(copy)
    #expect(try ask(state) == #"running|1|1|1.0|{"stored":1}|0"# + "\n")
    try note(2, .running)
    _ = try into.merge(shard)
    #expect(try ask(state) == #"running|1|2|2.0|{"stored":2}|0"# + "\n")
    try note(3, .finished)
    let digest = try into.contentDigest()
    // The older copy, merged once more, takes nothing back.
    for from in [shard, copy] {
      _ = try into.merge(from)
      #expect(try ask(state) == #"finished|0|3|3.0|{"stored":3}|1"# + "\n")
    }
    #expect(try into.contentDigest() == digest && into.verify() == [])
    #expect(try ask("SELECT count(*) FROM runs") == "1\n")
  }

  @Test func `passes are completed by the run that is finished`() throws {
    let cache = try fixture.create()
    let passes = [DocumentSplit.train, .test].map { CorpusPass(corpus: "a.jsonl", split: $0) }
    let state = "SELECT run, split, part, parts, completed FROM passes ORDER BY 1, 2"
    for (place, status) in [FeatureCache.RunStatus.interrupted, .failed, .finished].enumerated() {
      let run = try cache.beginRun(.precompute, passes: passes)
      try cache.note(run, RunProgress())
      try cache.note(run, RunProgress(), status)
      let done = status == .finished ? 1 : 0
      #expect(
        try ask(state).hasSuffix(
          "\(place + 1)|test|1|1|\(done)\n\(place + 1)|train|1|1|\(done)\n"))
    }
  }

  /// Of a corpus's set that was read to its end, in one part or in all of several: what the last runs over it did not
  /// find. The schema says so in words.
  @Test(arguments: [1, 2])
  func `plain SQL tells what has left a corpus`(parts: Int) throws {
    let cache = try fixture.create()
    func read(
      _ numbers: Range<Int>, _ status: FeatureCache.RunStatus, _ parts: Range<Int>, of count: Int
    )
      throws
    {
      for part in parts {
        let run = try cache.beginRun(
          .precompute,
          passes: [
            CorpusPass(corpus: "corpus.jsonl", split: .train, part: part + 1, parts: count)
          ])
        for number in numbers where number % count == part {
          try cache.put([try TinyCache.entry(cache, TinyCache.document(number))], run: run)
        }
        try cache.note(run, RunProgress(), status)
      }
    }
    func left() throws -> String {
      try ask(
        """
        WITH
          last AS (
            SELECT corpus, split, part, parts, max(run) AS run FROM passes WHERE completed GROUP BY 1, 2, 3, 4),
          whole AS (SELECT corpus, split, parts FROM last GROUP BY 1, 2, 3 HAVING count(*) = parts)
        SELECT line FROM members m JOIN whole w USING (corpus, split)
        WHERE seen < (SELECT min(run) FROM last l WHERE (l.corpus, l.split, l.parts) = (w.corpus, w.split, w.parts))
        ORDER BY line
        """)
    }
    var other = document("other.jsonl", .train, 1)
    other.prompt = Array("of another corpus".utf8)
    _ = try put(other, in: cache)
    try read(0..<6, .finished, 0..<1, of: 1)
    #expect(try left() == "")
    // Neither a run that was ended nor a part alone says who left.
    try read(0..<2, .interrupted, 0..<1, of: 1)
    if parts > 1 { try read(0..<4, .finished, 0..<1, of: parts) }
    #expect(try left() == "")
    try read(0..<4, .finished, (parts > 1 ? 1 : 0)..<parts, of: parts)
    #expect(try left() == "5\n6\n")
    #expect(try cache.documents(.train).count == 7 && cache.verify() == [])
  }

  @Test func `a digest tells what other corpora have a document`() throws {
    let (one, two) = (try fixture.create("one"), try fixture.create("two"))
    for cache in [one, two] { _ = try put(document("a.jsonl", .train, 1), in: cache) }
    #expect(try one.contentDigest() == two.contentDigest())
    _ = try put(document("b.jsonl", .train, 1), in: two)
    #expect(try one.contentDigest() != two.contentDigest())
    _ = try put(document("b.jsonl", .train, 1), in: one)
    #expect(try one.contentDigest() == two.contentDigest())
  }
}
