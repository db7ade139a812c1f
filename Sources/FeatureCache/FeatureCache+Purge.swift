import Foundation
import GRDB

/// What was removed.
public struct PurgeReport: Equatable, Sendable {
  public var documents = 0
  public var records = 0
  public var tokens = 0
  /// Of payload.
  public var bytes = 0

  public init() {}
}

extension FeatureCache {
  /// Removes documents, and the records that no other document uses, so that their bytes are in
  /// neither the file nor its log afterwards.
  ///
  /// - Throws: `busy` when a reader keeps the log from being emptied: the documents are gone for
  ///   everyone then, but their bytes may be in the log until `compact` succeeds.
  @discardableResult
  public func purge(_ ids: [DocumentID]) throws(CacheError) -> PurgeReport {
    let report = try write("purge") { db in
      var report = PurgeReport()
      try remove(db, ids, &report)
      return report
    }
    try erase()
    return report
  }

  /// Removes this stream: its states, its documents as far as they have no states in another, and its
  /// source, with what that reads of the documents that stay, where it has no other stream. It can't be used any more.
  ///
  /// - Throws: `refused` when it is the file's only one; `busy` as `purge` of documents does.
  public func purgeStream() throws(CacheError) -> PurgeReport {
    let report = try write("purge a stream") { db in
      guard try Int.fetchOne(db, sql: "SELECT count(*) FROM streams") ?? 0 > 1 else {
        throw CacheError.refused(
          path: path, operation: "purge the only stream of",
          reason: "nothing would be left; delete the file")
      }
      var report = PurgeReport()
      let sums = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*), coalesce(sum(tokens), 0), coalesce(sum(length(payload)), 0) FROM records
          WHERE stream = ?
          """, arguments: [streamID])
      if let sums {
        var reader = RowReader(sums, path: path, item: "the table of records")
        report.records = try reader.integer()
        report.tokens = try reader.integer()
        report.bytes = try reader.integer()
      }
      try db.execute(sql: "DELETE FROM chains WHERE stream = ?", arguments: [streamID])
      try db.execute(sql: "DELETE FROM records WHERE stream = ?", arguments: [streamID])
      report.documents = try removeWithoutStates(db)
      try db.execute(sql: "DELETE FROM lookups WHERE stream = ?", arguments: [streamID])
      try db.execute(sql: "DELETE FROM streams WHERE id = ?", arguments: [streamID])
      try StoredCodec.removeUnused(db)
      try db.execute(
        sql: "DELETE FROM sources WHERE id NOT IN (SELECT source FROM streams)")
      return report
    }
    try erase()
    return report
  }

  /// Removes what this stream's source reads of documents that it has no states of any more, and those of them that no
  /// other source has; says how many.
  private func removeWithoutStates(_ db: Database) throws -> Int {
    let unread = try Int64.fetchAll(
      db,
      sql: """
        SELECT document FROM encodings e WHERE source = :source AND NOT EXISTS (
          SELECT 1 FROM chains c JOIN streams s ON s.id = c.stream
          WHERE c.document = e.document AND s.source = :source)
        """, arguments: ["source": sourceID])
    var removed = 0
    for document in unread {
      try db.execute(
        sql: "DELETE FROM encodings WHERE document = ? AND source = ?",
        arguments: [document, sourceID])
      let isRead = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM encodings WHERE document = ?)",
        arguments: [document])
      guard isRead != true else { continue }
      try file.documents.remove(db, DocumentID(number: document))
      removed += 1
    }
    return removed
  }

  /// Compacts after a deletion, so that nothing of it is in the log; says what there is when that fails.
  func erase() throws(CacheError) {
    do throws(CacheError) {
      try compact()
    } catch {
      throw .notErased(path: path, reason: "\(error)")
    }
  }

  /// Rewrites the file without free space, and empties its log. Needs about as much free disk as
  /// the file has bytes.
  public func compact() throws(CacheError) {
    guard access == .write else {
      throw .openedForReading(path: path, operation: "compact")
    }
    do {
      try file.queue.writeWithoutTransaction { db in
        try db.execute(sql: "VACUUM")
        // The first column: 1 when a reader or another process kept the log from being emptied.
        let blocked = try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        guard blocked == 0 else {
          throw CacheError.busy(path: path, operation: "empty the log")
        }
      }
    } catch {
      throw CacheError(error, path: path, operation: "compact")
    }
  }

  /// Removes documents, and the records that nothing else needs.
  func remove(_ db: Database, _ ids: [DocumentID], _ report: inout PurgeReport) throws {
    // Damage took the chains of some, and nothing says which records were their own.
    var isDamaged = false
    for id in ids {
      let tails = try Int64.fetchAll(
        db, sql: "SELECT tail FROM chains WHERE document = ?", arguments: [id.number])
      try file.documents.remove(db, id)
      report.documents += 1
      for tail in tails { try removeUnused(db, from: tail, &report) }
      if tails.isEmpty { isDamaged = true }
    }
    if isDamaged { try removeAllUnused(db, &report) }
  }

  /// Removes a record and those before it, as far as nothing else needs them.
  func removeUnused(_ db: Database, from tail: Int64, _ report: inout PurgeReport) throws {
    var next: Int64? = tail
    while let row = next {
      guard
        let columns = try Row.fetchOne(
          db,
          sql: """
            SELECT parent, tokens, length(payload) FROM records WHERE id = :id
            AND NOT EXISTS (SELECT 1 FROM chains WHERE tail = :id)
            AND NOT EXISTS (SELECT 1 FROM records WHERE parent = :id)
            """, arguments: ["id": row])
      else { return }
      var reader = RowReader(columns, path: path, item: "record in row \(row)")
      next = try reader.optionalInteger().map(Int64.init)
      report.records += 1
      report.tokens += try reader.integer()
      report.bytes += try reader.integer()
      try db.execute(sql: "DELETE FROM records WHERE id = ?", arguments: [row])
    }
  }
}
