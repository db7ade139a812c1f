import Foundation
import GRDB

/// Something stored that is not what was stored, or does not fit together.
public struct CacheDamage: Equatable, Sendable, CustomStringConvertible {
  public enum Item: Equatable, Sendable {
    /// The SQLite file as such.
    case file
    /// A row of `records`.
    case record(Int64)
    /// A document's own row: its text can't be trusted.
    case document(DocumentID)
    /// The states of a document that is itself sound: computing them again mends it.
    case states(DocumentID, Coverage)
    /// A row of `runs`.
    case run(Int64)
    /// What all of a stream depends on.
    case stream
  }

  /// The stream that it is in, where it is in one.
  public var stream: Int?
  public let item: Item
  public let reason: String

  public var description: String {
    switch item {
    case .file: "the file: \(reason)"
    case .record(let row): "record in row \(row): \(reason)"
    case .document(let id): "\(id): \(reason)"
    case .states(let id, let coverage): "the states of the \(coverage) of \(id): \(reason)"
    case .run(let row): "run \(row): \(reason)"
    case .stream: "stream \(stream ?? 0): \(reason)"
    }
  }
}

extension FeatureCache {
  /// Checks everything in the file, all of its streams: SQLite's own structure, every checksum, key and
  /// reference, and that every record decodes.
  ///
  /// - Parameter progress: called with the count of checked rows and of all.
  /// - Returns: all damage found; empty when the cache is sound.
  public func verify(progress: (Int, Int) -> Void = { _, _ in }) throws(CacheError) -> [CacheDamage]
  {
    var damage = structure() + faultsOfRuns()
    let streams = try self.streams()
    let records = streams.map { ($0, rows(of: "records", "stream", $0.streamID, &damage)) }
    let sources = Dictionary(grouping: streams, by: \.sourceID).sorted { $0.key < $1.key }
    let documents = sources.map { ($0.value, rows(of: "documents", "source", $0.key, &damage)) }
    let total =
      records.reduce(0) { $0 + $1.1.count } + documents.reduce(0) { $0 + $1.1.count }
    var checked = 0
    for (stream, rows) in records {
      if let damaged = stream.codec as? DamagedCodec {
        damage.append(
          CacheDamage(
            stream: stream.number, item: .stream,
            reason:
              "\(damaged.reason); its states can't be read: purge it (`denju cache purge --stream "
              + "\(stream.number)`) and precompute them again"))
        checked += rows.count
        continue
      }
      for row in rows {
        if let reason = stream.faultOfRecord(row) {
          damage.append(CacheDamage(stream: stream.number, item: .record(row), reason: reason))
        }
        checked += 1
        progress(checked, total)
      }
    }
    for (streams, rows) in documents {
      for row in rows {
        damage += faultsOfDocument(DocumentID(number: row), in: streams)
        checked += 1
        progress(checked, total)
      }
    }
    return damage
  }

  private func structure() -> [CacheDamage] {
    var damage: [CacheDamage] = []
    do {
      let findings = try read("check the file") { db in
        try String.fetchAll(db, sql: "PRAGMA integrity_check")
          + (try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map {
            "a reference leads nowhere: \($0)"
          }) + (try faultsOfVersion(db))
          + (try StoredCodec.unused(db).map { "no stream uses the codec \($0)" })
      }
      damage = findings.filter { $0 != "ok" }.map { CacheDamage(item: .file, reason: $0) }
    } catch {
      damage.append(CacheDamage(item: .file, reason: "\(error)"))
    }
    return damage
  }

  /// A version that lets older programs misread what is here.
  private func faultsOfVersion(_ db: Database) throws -> [String] {
    let version = try Schema.marks(db).version
    guard version < Schema.documentVersion, try Schema.holdsDocumentStates(db) else { return [] }
    return [
      "its schema version is \(version), and states of whole documents need \(Schema.documentVersion)"
    ]
  }

  /// A run has no checksum; what the schema's conditions say of it is checked here, since SQLite's own check
  /// leaves them out where a file is opened for reading.
  private func faultsOfRuns() -> [CacheDamage] {
    var damage: [CacheDamage] = []
    do {
      try read("check the runs") { db in
        let rows = try Row.fetchCursor(
          db,
          sql: """
            SELECT id, kind, status, json_valid(plan), json_valid(options), json_valid(outcomes) FROM runs
            """)
        while let row = try rows.next() {
          var reader = RowReader(row, path: path, item: "the table of runs")
          let id = Int64(try reader.integer())
          if let reason = Self.faultOfRun(&reader) {
            damage.append(CacheDamage(item: .run(id), reason: reason))
          }
        }
      }
    } catch {
      damage.append(CacheDamage(item: .file, reason: Self.reason(error)))
    }
    return damage
  }

  private static func faultOfRun(_ reader: inout RowReader) -> String? {
    do throws(CacheError) {
      let kind = try reader.text()
      guard RunKind(rawValue: kind) != nil else { return "there is no kind `\(kind)`" }
      let status = try reader.text()
      guard RunStatus(rawValue: status) != nil else { return "there is no status `\(status)`" }
      for column in ["plan", "options", "outcomes"] where try reader.optionalInteger() != 1 {
        return "its \(column) is not JSON"
      }
      return nil
    } catch {
      return reason(error)
    }
  }

  /// The ids of a table's rows with this owner; where the table can't be walked to its end, those before.
  private func rows(
    of table: String, _ column: String, _ owner: Int64, _ damage: inout [CacheDamage]
  ) -> [Int64] {
    var found: [Int64] = []
    do {
      try read("list \(table)") { db in
        // NOT INDEXED: the table itself is asked, so that damage to an index hides no row.
        let cursor = try Int64.fetchCursor(
          db, sql: "SELECT id FROM \(table) NOT INDEXED WHERE \(column) = ?", arguments: [owner])
        while let row = try cursor.next() { found.append(row) }
      }
    } catch {
      damage.append(CacheDamage(item: .file, reason: "\(error)"))
    }
    return found
  }

  private func faultOfRecord(_ row: Int64) -> String? {
    do {
      let (record, used) = try read("check a record") { db in
        (try link(db, row), try isUsed(db, row))
      }
      var states = [Float](repeating: 0, count: record.ids.count * width)
      try decode(record, into: &states)
      return used ? nil : "no document uses it"
    } catch CacheError.damaged(_, _, let reason) {
      return reason
    } catch {
      return "\(error)"
    }
  }

  private func isUsed(_ db: Database, _ row: Int64) throws -> Bool {
    let statement = try db.cachedStatement(
      sql: """
        SELECT EXISTS (SELECT 1 FROM chains WHERE tail = ?) OR EXISTS (SELECT 1 FROM records WHERE parent = ?)
        """)
    return try Bool.fetchOne(statement, arguments: [row, row]) ?? false
  }

  /// The record in a row, after checking it against the record before it and its own key.
  private func link(_ db: Database, _ row: Int64) throws -> CacheRecord {
    let item = "record in row \(row)"
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: item, reason: reason)
    }
    let statement = try db.cachedStatement(
      sql: """
        SELECT r.key, r.stream, r.first, r.tokens, r.ids, r.payload, r.raw_bytes, r.error_rms, r.error_max,
          r.parent, p.key, p.first + p.tokens
        FROM records r LEFT JOIN records p ON p.id = r.parent WHERE r.id = ?
        """)
    guard let columns = try Row.fetchOne(statement, arguments: [row]) else {
      throw damaged("it is gone")
    }
    var reader = RowReader(columns, path: path, item: item)
    let key = RecordKey(bytes: try reader.bytes())
    guard try reader.integer() == streamID else { throw damaged("its stream is another") }
    let first = try reader.integer()
    let tokens = try reader.integer()
    guard (1...chunkTokens).contains(tokens) else { throw damaged("it says \(tokens) tokens") }
    let (ids, _) = try unsealed(key, tokens: tokens, try recordColumns(&reader))
    var parent: RecordKey?
    if try reader.optionalInteger() != nil {
      parent = RecordKey(bytes: try reader.bytes())
      guard try reader.integer() == first else {
        throw damaged("it doesn't follow the record before it")
      }
    }
    guard (first == 0) == (parent == nil), first.isMultiple(of: chunkTokens) else {
      throw damaged("its first token can't be at \(first)")
    }
    guard try expectedKey(db, row, parent: parent, ids) == key else {
      throw damaged("its key is not that of its tokens")
    }
    guard let record = try soundRecord(db, key, parent: parent) else {
      throw damaged("its key is not in the index")
    }
    guard record.first == first else { throw damaged("its key leads to another row") }
    return record
  }

  /// The key that the record in a row should have. That of a whole document's first record follows from the ids
  /// of those after it, too.
  private func expectedKey(
    _ db: Database, _ row: Int64, parent: RecordKey?, _ ids: [Int32]
  ) throws -> RecordKey {
    guard identity.scope == .document, parent == nil else {
      return RecordKey(stream: streamKey, parent: parent, ids: ids[...], secret: secret)
    }
    return RecordKey(
      stream: streamKey, document: ids + (try idsBehind(db, row)), secret: secret)
  }

  /// The ids of the records that follow the one in a row, each the only one behind the one before.
  private func idsBehind(_ db: Database, _ row: Int64) throws -> [Int32] {
    let statement = try db.cachedStatement(
      sql: """
        SELECT id, first, tokens, key, ids, payload, raw_bytes, error_rms, error_max FROM records
        WHERE parent = ?
        """)
    var (ids, before, place) = ([Int32](), row, chunkTokens)
    while let columns = try Row.fetchOne(statement, arguments: [before]) {
      var reader = RowReader(columns, path: path, item: "the record behind row \(before)")
      let next = Int64(try reader.integer())
      // Rows that lead in a circle come back to a place that is not the next.
      guard try reader.integer() == place else {
        throw CacheError.damaged(
          path: path, item: "record in row \(row)",
          reason: "the record in row \(next), behind it, is at another place")
      }
      let tokens = try reader.integer()
      let key = RecordKey(bytes: try reader.bytes())
      ids += try unsealed(key, tokens: tokens, try recordColumns(&reader)).ids
      place += chunkTokens
      before = next
    }
    return ids
  }

  /// - Parameter streams: all of the document's source.
  private func faultsOfDocument(_ id: DocumentID, in streams: [FeatureCache]) -> [CacheDamage] {
    var damage: [CacheDamage] = []
    var hasStates = false
    for stream in streams {
      do {
        let document = try stream.document(id)
        for coverage in try stream.coverages(of: id) {
          hasStates = true
          // Of a stream that can't be decoded enough is said.
          if !(stream.codec is DamagedCodec),
            let reason = stream.faultOfChain(id, document.ids(coverage), coverage)
          {
            damage.append(
              CacheDamage(stream: stream.number, item: .states(id, coverage), reason: reason))
          }
        }
        guard try stream.documentID(document.key) == id else {
          return damage + [CacheDamage(item: .document(id), reason: "its key is not in the index")]
        }
      } catch {
        return damage + [CacheDamage(item: .document(id), reason: Self.reason(error))]
      }
    }
    return hasStates
      ? damage : damage + [CacheDamage(item: .document(id), reason: "it has no states")]
  }

  private func coverages(of id: DocumentID) throws(CacheError) -> [Coverage] {
    try read("check a document") { db in
      try String.fetchAll(
        db, sql: "SELECT coverage FROM chains WHERE document = ? AND stream = ? ORDER BY coverage",
        arguments: [id.number, streamID]
      ).map { name in
        guard let coverage = Coverage(rawValue: name) else {
          throw CacheError.damaged(
            path: path, item: "\(id)", reason: "there is no coverage `\(name)`")
        }
        return coverage
      }
    }
  }

  private func faultOfChain(_ id: DocumentID, _ ids: [Int32], _ coverage: Coverage) -> String? {
    do {
      return try read("check a document") { db in
        let row = try Row.fetchOne(
          db,
          sql: "SELECT tokens, tail FROM chains WHERE document = ? AND stream = ? AND coverage = ?",
          arguments: [id.number, streamID, coverage.rawValue])
        guard let row else { return "its chain is gone" }
        var reader = RowReader(row, path: path, item: "\(id)")
        guard try reader.integer() == ids.count else {
          return "its chain has another count of tokens"
        }
        var last: Int64?
        for link in chain(ids) {
          guard let row = try recordID(db, link.key) else {
            return "record \(link.key) of tokens from \(link.range.lowerBound) is missing"
          }
          _ = try soundRecord(db, link.key, parent: link.parent)
          last = row
        }
        return try reader.integer() == last.map(Int.init) ? nil : "its chain ends in another record"
      }
    } catch {
      return Self.reason(error)
    }
  }

  private static func reason(_ error: CacheError) -> String {
    if case .damaged(_, _, let reason) = error { return reason }
    return error.description
  }
}
