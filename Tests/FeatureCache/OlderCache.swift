import Crypto
import FeatureCache
import Foundation
import GRDB
import TestSupport

/// A cache as a program of before wrote it: the tables of `Vectors/cache-3.sql`, which that program ran, with the rows of
/// a cache of today and the hashes that it had, reckoned here from what the schema says of them.
struct OlderCache {
  private let queue: DatabaseQueue
  private let wide: Bool

  /// Makes the cache at `path` one of an older version: 3, or 4, which was the same; 2, whose token ids have 4 bytes each
  /// and whose tokenizer is no frame; or 1.
  static func make(of path: String, version: Int, tokenizer: [UInt8]) throws {
    let now = path + ".now"
    try FileManager.default.moveItem(atPath: path, toPath: now)
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: try Checkout.text("Tests/FeatureCache/Vectors/cache-3.sql"))
      try db.execute(sql: "PRAGMA foreign_keys = OFF; ATTACH ? AS now", arguments: [now])
    }
    let maker = OlderCache(queue: queue, wide: version < 3)
    try maker.copy()
    try queue.write { db in
      try db.execute(sql: "PRAGMA user_version = \(version)")
      guard version < 3 else { return }
      try db.execute(
        sql: "UPDATE sources SET tokenizer = ?", arguments: [Data(tokenizer)])
      try db.execute(sql: "DROP VIEW cache_codecs; DROP TABLE codecs")
      guard version < 2 else { return }
      try db.execute(
        sql: """
          DROP VIEW cache_documents; DROP VIEW cache_duplicates; DROP VIEW cache_largest; DROP VIEW cache_lookups;
          DROP TABLE lookups; DROP TABLE settings; DROP TABLE encryption;
          ALTER TABLE documents DROP COLUMN used; ALTER TABLE documents DROP COLUMN sealed;
          ALTER TABLE documents DROP COLUMN prompt_tokens; ALTER TABLE documents DROP COLUMN response_tokens
          """)
    }
    try queue.close()
    try FileManager.default.removeItem(atPath: now)
    chmod(path, 0o600)
  }

  private func copy() throws {
    try queue.write { db in
      for table in ["sources", "streams", "codecs", "runs", "records", "lookups", "settings"] {
        try db.execute(sql: "INSERT INTO main.\(table) SELECT * FROM now.\(table)")
      }
      var next = try Int64.fetchOne(db, sql: "SELECT max(id) FROM now.documents") ?? 0
      var taken: Set<Int64> = []
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT d.id, e.source, d.split, m.corpus, m.line, CAST(coalesce(e.prompt, d.prompt) AS BLOB),
            e.prompt_ids, CAST(d.response AS BLOB), e.response_ids, d.run, d.created, e.prompt_tokens,
            e.response_tokens, d.used, s.weights_sha256, s.architecture, s.tokenizer_sha256
          FROM now.documents d JOIN now.encodings e ON e.document = d.id JOIN now.sources s ON s.id = e.source
            JOIN now.members m ON m.document = d.id AND m.split = d.split
          ORDER BY d.id, e.source
          """)
      for row in rows {
        // A document was there once for each source.
        var id: Int64 = row[0]
        if !taken.insert(id).inserted {
          next += 1
          id = next
        }
        try insert(db, row, as: id)
        try db.execute(
          sql: """
            INSERT INTO main.chains SELECT ?, stream, coverage, tokens, tail FROM now.chains
            WHERE document = ? AND stream IN (SELECT id FROM now.streams WHERE source = ?)
            """, arguments: [id, row[0] as Int64, row[1] as Int64])
      }
      guard wide else { return }
      for row in try Row.fetchAll(db, sql: "SELECT id, ids, tokens FROM main.records") {
        try db.execute(
          sql: "UPDATE main.records SET ids = ? WHERE id = ?",
          arguments: [Self.four(row[1], count: row[2]), row[0] as Int64])
      }
    }
  }

  private func insert(_ db: Database, _ row: Row, as id: Int64) throws {
    let (prompt, response): (Data, Data) = (row[5], row[7])
    let promptIDs = Self.four(row[6], count: row[11])
    let responseIDs = Self.four(row[8], count: row[12])
    let key = Self.hash(["denju document 1", prompt, response])
    let line: Int = row[4]
    let source = Self.hash([
      "denju source key 1", row[14] as String, row[15] as String, row[16] as String,
    ])
    let checksum = Self.hash([
      "denju document row 1", source, key, row[2] as String, row[3] as String,
      withUnsafeBytes(of: Int64(line).littleEndian) { Data($0) }, prompt, promptIDs, response,
      responseIDs,
    ])
    try db.execute(
      sql: """
        INSERT INTO main.documents (id, key, source, split, corpus, line, prompt, prompt_ids, response, response_ids,
          run, created, checksum, prompt_tokens, response_tokens, used)
        VALUES (?, ?, ?, ?, ?, ?, CAST(? AS TEXT), ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        id, key, row[1] as Int64, row[2] as String, row[3] as String, line, prompt,
        wide ? promptIDs : row[6] as Data, response, wide ? responseIDs : row[8] as Data,
        row[9] as Int64?, row[10] as Int64, checksum, row[11] as Int, row[12] as Int,
        row[13] as Int64?,
      ])
  }

  /// SHA-256 over parts, each behind its length as 8 little-endian bytes.
  static func hash(_ parts: [any HashedPart]) -> Data {
    var hash = SHA256()
    for part in parts {
      withUnsafeBytes(of: UInt64(part.bytes.count).littleEndian) {
        hash.update(bufferPointer: $0)
      }
      hash.update(data: part.bytes)
    }
    return Data(hash.finalize())
  }

  /// Token ids of 2 bytes each, or of 4, as 4 each.
  private static func four(_ ids: Data, count: Int) -> Data {
    guard count > 0, ids.count == 2 * count else { return ids }
    return Data(stride(from: 0, to: ids.count, by: 2).flatMap { [ids[$0], ids[$0 + 1], 0, 0] })
  }
}

/// What the schema hashes: text, or bytes.
protocol HashedPart {
  var bytes: Data { get }
}

extension String: HashedPart {
  var bytes: Data { Data(utf8) }
}

extension Data: HashedPart {
  var bytes: Data { self }
}
