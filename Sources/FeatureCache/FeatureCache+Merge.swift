import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// Takes in all of another cache, stream by stream: shards made on several machines become one.
  ///
  /// What both have is kept once. Merging again, as after a kill, adds what has come since, and how the runs stand that
  /// were going then; where nothing has, it changes nothing more.
  /// - Parameter beside: take in also streams that are not here, each beside the others.
  /// - Throws: `identityMismatch` for a stream that is not here, before anything is taken in; `conflict`
  ///   when the same tokens have other states in the two, or the same text is in different splits, and
  ///   `damaged` when the other is: nothing of that stream has been taken in then.
  public func merge(_ other: FeatureCache, beside: Bool = false) throws(CacheError) -> PutReport {
    let pairs = try pairs(with: other, beside: beside)
    var report = PutReport()
    for (from, into) in pairs {
      if let into {
        report += try into.mergeStream(from)
      } else {
        let stream = try StoredStream(
          identity: from.identity, source: from.source, chunkTokens: from.chunkTokens,
          codec: from.codec, codecs: file.codecs)
        let new = try Self.add(stream, to: file)
        do throws(CacheError) {
          report += try new.mergeStream(from)
        } catch {
          new.dropIfEmpty()
          throw error
        }
      }
    }
    return report
  }

  /// Throws what `merge` would throw before anything is taken in.
  public func requireMergeable(_ other: FeatureCache, beside: Bool = false) throws(CacheError) {
    _ = try pairs(with: other, beside: beside)
  }

  /// Another cache's streams, each with the one here that it goes into.
  private func pairs(
    with other: FeatureCache, beside: Bool
  ) throws(CacheError) -> [(from: FeatureCache, into: FeatureCache?)] {
    let mine = try streams()
    var pairs: [(from: FeatureCache, into: FeatureCache?)] = []
    for stream in try other.streams() {
      let same = mine.first {
        $0.identity == stream.identity && $0.chunkTokens == stream.chunkTokens
      }
      if same == nil, !beside {
        throw .identityMismatch(path: path, differences: differences(stream))
      }
      pairs.append((stream, same))
    }
    return pairs
  }

  private func differences(_ other: FeatureCache) -> [IdentityDifference] {
    let differences = identity.differences(from: other.identity, acceptOtherNumerics: false)
    guard differences.isEmpty else { return differences }
    return [
      IdentityDifference(
        field: "tokens a record", cache: "\(chunkTokens)", asked: "\(other.chunkTokens)")
    ]
  }

  private func mergeStream(_ other: FeatureCache) throws(CacheError) -> PutReport {
    let documents = try other.documents()
    for entry in documents {
      try requireMergeable(try other.document(entry.id))
      for coverage in entry.coverages { try requireMergeable(entry, coverage, of: other) }
    }
    let runs = try copyRuns(of: other)
    var report = PutReport()
    var writer: BatchWriter?
    for entry in documents {
      let run = try other.run(of: entry.id).flatMap { runs[$0] }
      let current: BatchWriter
      if let writer, writer.run == run {
        current = writer
      } else {
        try writer?.flush()
        if let writer { report += writer.report }
        current = BatchWriter(self, run: run)
        writer = current
      }
      try copy(entry, of: other, runs, current)
    }
    try writer?.flush()
    if let writer { report += writer.report }
    return report
  }

  private func copy(
    _ entry: DocumentEntry, of other: FeatureCache, _ runs: [Int64: RunID], _ writer: BatchWriter
  ) throws(CacheError) {
    let document = try other.document(entry.id)
    let members = try other.members(of: entry.id).map { member in
      var here = member
      here.seen = member.seen.flatMap { runs[$0.number] }
      return here
    }
    for coverage in entry.coverages {
      let start = try writer.storedTokens(of: document.ids(coverage))
      let records = try rekeyed(
        other.storedRecords(of: document.ids(coverage), from: start), of: document.ids(coverage))
      var copy = CacheEntry(document: document, coverage: coverage, records: records)
      copy.members = members
      try writer.add(copy)
    }
  }

  private func requireMergeable(_ document: CacheDocument) throws(CacheError) {
    try read("compare documents") { db in
      guard let id = try documentID(db, of: document),
        let mine = try file.documents.document(db, id)
      else { return }
      let place = try file.documents.place(db, id, of: mine)
      let item = "\(id) (\(CacheDocument.place(place.corpus, place.line)))"
      guard try readsAlike(db, id, document) else {
        throw CacheError.conflict(path: path, item: item, reason: "its token ids are others")
      }
      guard mine.split == document.split || mine.split == .asked || document.split == .asked
      else {
        throw CacheError.conflict(
          path: path, item: item,
          reason: "it is in \(mine.split.rawValue) here and in \(document.split.rawValue) there")
      }
    }
  }

  private func requireMergeable(
    _ entry: DocumentEntry, _ coverage: Coverage, of other: FeatureCache
  ) throws(CacheError) {
    let ids = try other.document(entry.id).ids(coverage)
    let records = try rekeyed(other.storedRecords(of: ids, from: 0), of: ids)
    try read("compare records") { db in
      for record in records where try recordID(db, record.key) != nil {
        try requireSame(db, record)
      }
    }
  }

  /// A text's records of another cache under this one's keys, which differ where one is encrypted.
  private func rekeyed(_ records: [CacheRecord], of ids: [Int32]) -> [CacheRecord] {
    let links = Dictionary(uniqueKeysWithValues: chain(ids).map { ($0.range.lowerBound, $0) })
    return records.compactMap { record in
      links[record.first].map { link in
        CacheRecord(
          key: link.key, parent: link.parent, first: record.first, ids: record.ids,
          codec: record.codec, payload: record.payload, rawByteCount: record.rawByteCount,
          error: record.error)
      }
    }
  }

  /// The records of a text from a token on, verified.
  func storedRecords(of ids: [Int32], from start: Int) throws(CacheError) -> [CacheRecord] {
    try read("read records") { db in
      try chain(ids).filter { $0.range.lowerBound >= start }.map { link in
        guard let record = try soundRecord(db, link.key, parent: link.parent) else {
          throw CacheError.damaged(path: path, item: "record \(link.key)", reason: "it is missing")
        }
        return record
      }
    }
  }

  private func run(of id: DocumentID) throws(CacheError) -> Int64? {
    try read("read \(id)") { db in
      try Int64.fetchOne(db, sql: "SELECT run FROM documents WHERE id = ?", arguments: [id.number])
    }
  }

  /// Copies the other's runs, with the passes they made; says which run there is which here. One that is here already is
  /// brought up to what the other says, where that is later: the other may be the older copy.
  private func copyRuns(of other: FeatureCache) throws(CacheError) -> [Int64: RunID] {
    let columns =
      "name, kind, status, started, ended, seconds, documents, tokens, bytes, seed, plan, options, outcomes"
    let rows = try other.read("read runs") { db in
      try Row.fetchAll(db, sql: "SELECT id, \(columns) FROM runs ORDER BY id")
    }
    let passes = try other.read("read runs") { db in
      try Row.fetchAll(
        db,
        sql: "SELECT run, CAST(corpus AS BLOB), split, part, parts, completed FROM passes"
      ).map { Array($0.databaseValues) }
    }
    return try write("copy runs") { db in
      var map: [Int64: RunID] = [:]
      for row in rows {
        let values = Array(row.databaseValues)
        try db.execute(
          sql: """
            INSERT OR IGNORE INTO runs (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (name) DO UPDATE SET (status, ended, seconds, documents, tokens, bytes, outcomes) =
              (excluded.status, excluded.ended, excluded.seconds, excluded.documents, excluded.tokens,
                excluded.bytes, excluded.outcomes)
            WHERE ended IS NULL AND (excluded.ended IS NOT NULL OR excluded.seconds > seconds)
            """,
          arguments: StatementArguments(values.dropFirst()))
        guard case .int64(let id)? = values.first?.storage,
          let here = try Int64.fetchOne(
            db, sql: "SELECT id FROM runs WHERE name = ?", arguments: [values[1]])
        else { continue }
        map[id] = RunID(number: here)
      }
      for pass in passes {
        guard case .int64(let id)? = pass.first?.storage, let run = map[id] else { continue }
        try db.execute(
          sql: """
            INSERT OR IGNORE INTO passes (run, corpus, split, part, parts, completed)
            VALUES (?, CAST(? AS TEXT), ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET completed = max(completed, excluded.completed)
            """,
          arguments: [run.number] + StatementArguments(pass.dropFirst()))
      }
      return map
    }
  }
}
