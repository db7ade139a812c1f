import Foundation
import GRDB

extension FeatureCache {
  /// Bytes that the file is kept within by evicting what generation stored; `nil`: there is no limit.
  public func byteLimit() throws(CacheError) -> Int? {
    try read("read the limit") { db in try byteLimit(db) }
  }

  /// Sets the limit, and evicts what is over it: of the prompts that generation stored, those whose last
  /// use is longest ago. What a precompute run stored is never evicted.
  ///
  /// - Parameter bytes: `nil` takes the limit away.
  /// - Returns: what was evicted, and whether the file is within the limit now.
  /// - Throws: as `purge`.
  public func setByteLimit(_ bytes: Int?) throws(CacheError) -> (PurgeReport, fits: Bool) {
    let (report, fits) = try write("set the limit") { db in
      guard let bytes else {
        try db.execute(sql: "DELETE FROM settings WHERE name = 'byte limit'")
        return (PurgeReport(), true)
      }
      try db.execute(
        sql: "INSERT OR REPLACE INTO settings (name, value) VALUES ('byte limit', ?)",
        arguments: [bytes])
      var report = PurgeReport()
      let fits = try evict(db, until: bytes, &report)
      return (report, fits)
    }
    // Free pages count in the file's size, too.
    let size = try fileBytes()
    if let bytes, report.documents > 0 || size > bytes { try erase() }
    return (report, fits)
  }

  /// Evicts until so many bytes more are within the limit; false when they can't be.
  func makeRoom(_ db: Database, for bytes: Int) throws -> Bool {
    guard let limit = try byteLimit(db) else { return true }
    guard bytes <= limit else { return false }
    var report = PurgeReport()
    return try evict(db, until: limit - bytes, &report)
  }

  private func byteLimit(_ db: Database) throws -> Int? {
    try Int.fetchOne(db, sql: "SELECT value FROM settings WHERE name = 'byte limit'")
  }

  private func evict(
    _ db: Database, until limit: Int, _ report: inout PurgeReport
  ) throws -> Bool {
    while try usedBytes(db) > limit {
      let oldest = try Int64.fetchOne(
        db,
        sql: """
          SELECT id FROM documents WHERE split = 'asked' ORDER BY coalesce(used, created), id LIMIT 1
          """)
      guard let oldest else { return false }
      try remove(db, [DocumentID(number: oldest)], &report)
    }
    return true
  }

  /// Of the pages that hold something: those that are free are filled before the file grows.
  private func usedBytes(_ db: Database) throws -> Int {
    let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
    let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
    return (pages - free) * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
  }
}
