import Foundation
import GRDB
import Identity

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
    let readable = streams.filter { stream in
      guard let fault = stream.codec.fault else { return true }
      damage.append(
        CacheDamage(
          stream: stream.number, item: .stream,
          reason:
            "\(fault); its states can't be read: purge it (`denju cache purge --stream "
            + "\(stream.number)`) and precompute them again"))
      return false
    }
    let records = readable.map { ($0, rows(of: "records", "stream", $0.streamID, &damage)) }
    let sources = Dictionary(grouping: streams, by: \.sourceID).sorted { $0.key < $1.key }
    let documents = sources.map { ($0.value, rows(of: "documents", "source", $0.key, &damage)) }
    let total =
      records.reduce(0) { $0 + $1.1.count } + documents.reduce(0) { $0 + $1.1.count }
    var checked = 0
    for (stream, rows) in records {
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
        damage += faultsOfDocument(
          DocumentID(number: row), in: streams, readable: readable.map(\.streamID))
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

  /// - Parameters:
  ///   - streams: all of the document's source.
  ///   - readable: the numbers of those that can be decoded: of the others enough is said.
  private func faultsOfDocument(
    _ id: DocumentID, in streams: [FeatureCache], readable: [Int64]
  ) -> [CacheDamage] {
    var damage: [CacheDamage] = []
    var hasStates = false
    for stream in streams {
      do {
        let document = try stream.document(id)
        for coverage in try stream.coverages(of: id) {
          hasStates = true
          if readable.contains(stream.streamID),
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
