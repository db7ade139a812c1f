import Foundation
import GRDB

extension FeatureCache {
  /// Notes that generation took a prompt's states from here, so that `limit` keeps what is used.
  public func noteHit(forTokenIDs ids: [Int32]) throws(CacheError) {
    guard let last = lastKey(of: ids) else { return }
    try write("note a use") { db in
      let now = unixTime()
      try db.execute(
        sql: """
          UPDATE documents SET used = ? WHERE id IN (
            SELECT document FROM chains WHERE tail = (SELECT id FROM records WHERE key = ?))
          """, arguments: [now, Data(last.bytes)])
      try count(db, hits: 1, misses: 0, tokens: ids.count, at: now)
    }
  }

  /// Notes that a prompt's states were not here, and stores them, as far as the file's limit leaves room.
  public func storeMiss(_ entry: CacheEntry) throws(CacheError) {
    let bytes = entry.records.reduce(entry.document.textBytes) { $0 + $1.byteCount }
    try write("store a prompt") { db in
      try count(db, hits: 0, misses: 1, tokens: 0, at: unixTime())
      // What was evicted may be what the prompt begins with.
      guard try makeRoom(db, for: bytes), try isComplete(db, entry) else { return }
      var report = PutReport()
      try put(db, entry, run: nil, &report)
    }
  }

  private func isComplete(_ db: Database, _ entry: CacheEntry) throws -> Bool {
    let given = Set(entry.records.map(\.key))
    return try chain(entry.document.ids(entry.coverage)).allSatisfy { link in
      try given.contains(link.key) || recordID(db, link.key) != nil
    }
  }

  private func count(_ db: Database, hits: Int, misses: Int, tokens: Int, at time: Int) throws {
    try db.execute(
      sql: """
        INSERT INTO lookups (day, stream, hits, misses, tokens) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (day, stream) DO UPDATE SET hits = hits + excluded.hits,
          misses = misses + excluded.misses, tokens = tokens + excluded.tokens
        """, arguments: [time / 86_400, streamID, hits, misses, tokens])
  }
}
