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
    let records = readable.map { stream in
      (stream, rows(of: "records", "stream = \(stream.streamID)", &damage))
    }
    let sources = Dictionary(grouping: streams, by: \.sourceID).sorted { $0.key < $1.key }
      .map(\.value)
    let documents = rows(of: "documents", "true", &damage)
    let total = records.reduce(0) { $0 + $1.1.count } + documents.count
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
    for row in documents {
      damage += faultsOfDocument(
        DocumentID(number: row), in: sources, readable: readable.map(\.streamID))
      checked += 1
      progress(checked, total)
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
          })
          + (try StoredCodec.unused(db).map { "no stream uses the codec \($0)" })
      }
      damage = findings.filter { $0 != "ok" }.map { CacheDamage(item: .file, reason: $0) }
    } catch {
      damage.append(CacheDamage(item: .file, reason: "\(error)"))
    }
    return damage
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

  /// The ids of those of a table's rows that are asked for; where the table can't be walked to its end, those before.
  private func rows(
    of table: String, _ condition: String, _ damage: inout [CacheDamage]
  ) -> [Int64] {
    var found: [Int64] = []
    do {
      try read("list \(table)") { db in
        // NOT INDEXED: the table itself is asked, so that damage to an index hides no row.
        let cursor = try Int64.fetchCursor(
          db, sql: "SELECT id FROM \(table) NOT INDEXED WHERE \(condition)")
        while let row = try cursor.next() { found.append(row) }
      }
    } catch {
      damage.append(CacheDamage(item: .file, reason: "\(error)"))
    }
    return found
  }

  static func reason(_ error: CacheError) -> String {
    if case .damaged(_, _, let reason) = error { return reason }
    return error.description
  }
}
