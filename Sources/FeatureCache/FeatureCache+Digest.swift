import Foundation
import GRDB

extension FeatureCache {
  /// SHA-256, in hexadecimal, of what the cache holds: documents and records in the order of their
  /// keys, without runs, times and row numbers. Caches that hold the same have the same digest,
  /// however they came about. An encrypted cache is refused: its rows are sealed anew in every file.
  public func contentDigest() throws(CacheError) -> String {
    guard !isEncrypted else {
      throw .refused(
        path: path, operation: "hash the content of",
        reason: "it is encrypted, each file with a key of its own; `denju cache diff` compares")
    }
    return try read("hash the content") { db in
      db.add(function: Self.unpackedIDs)
      var hash = FramedHash("denju content 1")
      for key in try Data.fetchAll(db, sql: "SELECT key FROM streams ORDER BY key") {
        hash.add(key)
      }
      try add(
        db, to: &hash,
        sql: """
          SELECT key, split, CAST(corpus AS BLOB), line, CAST(prompt AS BLOB),
            unpacked_ids(prompt_ids, prompt_tokens), CAST(response AS BLOB),
            unpacked_ids(response_ids, response_tokens), checksum
          FROM documents ORDER BY key, checksum
          """)
      try add(
        db, to: &hash,
        sql: """
          SELECT d.key, s.key, c.coverage, c.tokens, r.key
          FROM chains c JOIN documents d ON d.id = c.document JOIN streams s ON s.id = c.stream
            JOIN records r ON r.id = c.tail
          ORDER BY d.key, s.key, c.coverage
          """)
      try add(
        db, to: &hash,
        sql: """
          SELECT r.key, s.key, p.key, r.first, r.tokens, unpacked_ids(r.ids, r.tokens), r.codec, r.payload,
            r.raw_bytes, r.error_rms, r.error_max, r.checksum
          FROM records r JOIN streams s ON s.id = r.stream LEFT JOIN records p ON p.id = r.parent
          ORDER BY r.key
          """)
      return hexadecimal(hash.finalize())
    }
  }

  /// Token ids as 4 bytes each, however a row has them; what are none, as they are.
  private static let unpackedIDs = DatabaseFunction("unpacked_ids", argumentCount: 2, pure: true) {
    values in
    guard let packed = Data.fromDatabaseValue(values[0]),
      let count = Int.fromDatabaseValue(values[1]), let ids = TokenIDs.ids(packed, count: count)
    else { return values[0] }
    return Data(TokenIDs.bytes(ids))
  }

  private func add(_ db: Database, to hash: inout FramedHash, sql: String) throws {
    let cursor = try Row.fetchCursor(db, sql: sql)
    var count = 0
    while let row = try cursor.next() {
      count += 1
      for value in row.databaseValues {
        switch value.storage {
        case .null: hash.add("null")
        case .int64(let number): hash.add(Int(number))
        case .double(let number): hash.add(number)
        case .string(let text): hash.add(text)
        case .blob(let data): hash.add(data)
        }
      }
    }
    hash.add(count)
  }
}
