import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// Removes fits of codecs that no stream has, and their bytes.
  public func removeUnusedFits() throws(CacheError) {
    let found = try write("remove fits") { db in
      let found = try StoredCodec.unused(db)
      try StoredCodec.removeUnused(db)
      return found
    }
    if !found.isEmpty { try erase() }
  }

  /// Stores documents again whose states `verify` found damaged: their records are written anew
  /// whatever is there.
  ///
  /// - Parameter entries: with all records of their chains, computed anew. The documents themselves
  ///   are sound.
  public func mend(_ entries: [CacheEntry], run: RunID? = nil) throws(CacheError) {
    var batch = entries
    do {
      try mend(run: run) {
        defer { batch = [] }
        return batch
      }
    } catch {
      throw CacheError(error, path: path, operation: "mend")
    }
  }

  /// The same for more documents than are held at once. What concerns the file as a whole is done once, before the
  /// first and after the last of them; a batch is stored in one transaction.
  ///
  /// - Parameter next: gives a batch of entries; none: the last was given. What it throws ends the mending, and what
  ///   was mended by then is kept.
  public func mend(run: RunID? = nil, _ next: () throws -> [CacheEntry]) throws {
    // An index that was damaged would hide rows from what follows.
    try write("mend") { db in try db.execute(sql: "REINDEX") }
    while case let entries = try next(), !entries.isEmpty {
      try write("mend") { db in
        for entry in entries {
          for record in entry.records { try rewrite(db, record, run: run) }
          try relink(db, entry)
        }
      }
    }
    try write("mend") { db in
      var removed = PurgeReport()
      try removeAllUnused(db, &removed)
    }
  }

  private func rewrite(_ db: Database, _ record: CacheRecord, run: RunID?) throws {
    guard let row = try recordID(db, record.key) else {
      _ = try put(db, record, run: run)
      return
    }
    let columns = try sealed(record)
    let parent = try record.parent.flatMap { key in try recordID(db, key) }
    try db.execute(
      sql: """
        UPDATE records SET stream = ?, parent = ?, first = ?, tokens = ?, ids = ?, codec = ?, payload = ?,
          raw_bytes = ?, error_rms = ?, error_max = ?, run = ?, created = ?, checksum = ? WHERE id = ?
        """,
      arguments: [
        streamID, parent, record.first, record.ids.count, columns.ids, record.codec,
        columns.payload, columns.rawBytes, columns.error.relative, columns.error.largest,
        run?.number,
        unixTime(), Data(record.checksum(stream: streamKey, secret: secret)), row,
      ])
  }

  private func relink(_ db: Database, _ entry: CacheEntry) throws {
    let ids = entry.document.ids(entry.coverage)
    guard let id = try documentID(db, of: entry.document), let last = Array(chain(ids)).last,
      let tail = try recordID(db, last.key)
    else {
      throw CacheError.notFound(path: path, item: "\(entry.document.place) to mend")
    }
    try db.execute(
      sql:
        "INSERT OR REPLACE INTO chains (document, stream, coverage, tokens, tail) VALUES (?, ?, ?, ?, ?)",
      arguments: [id.number, streamID, entry.coverage.rawValue, ids.count, tail])
  }

  /// Removes the records that no document leads to any more, as after damage.
  func removeAllUnused(_ db: Database, _ report: inout PurgeReport) throws {
    let unused = try Int64.fetchAll(
      db,
      sql: """
        SELECT id FROM records r WHERE NOT EXISTS (SELECT 1 FROM chains WHERE tail = r.id)
        AND NOT EXISTS (SELECT 1 FROM records WHERE parent = r.id)
        """)
    for row in unused { try removeUnused(db, from: row, &report) }
  }
}
