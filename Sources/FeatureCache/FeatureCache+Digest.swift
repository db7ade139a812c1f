import Foundation
import GRDB

extension FeatureCache {
  /// SHA-256, in hexadecimal, of what the cache holds: documents as each source reads them and records, in the order
  /// of their keys, without runs, times and row numbers. Caches that hold the same have the same digest, however they
  /// came about, and one that was noted of an older version still holds: the form that a prompt was given in, which
  /// such a cache does not know, is no part of it. An encrypted cache is refused: its rows are sealed anew in every file.
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
      try addDocuments(db, to: &hash)
      try add(
        db, to: &hash,
        sql: """
          SELECT e.key, s.key, c.coverage, c.tokens, r.key
          FROM chains c JOIN streams s ON s.id = c.stream JOIN records r ON r.id = c.tail
            JOIN encodings e ON e.document = c.document AND e.source = s.source
          ORDER BY e.key, s.key, c.coverage, r.key
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

  /// What each source reads of each document, and which corpora have those that more than one has.
  private func addDocuments(_ db: Database, to hash: inout FramedHash) throws {
    let rows = file.documents
    let readings = try Row.fetchCursor(
      db, sql: "SELECT document, source FROM encodings ORDER BY key")
    // Of those with one key, the checksums say the order: with two sources, or two forms, there are several.
    var (key, waiting, count) = ([UInt8](), [(checksum: [UInt8], document: CacheDocument)](), 0)
    func flush() {
      let sorted = waiting.sorted { $0.checksum.lexicographicallyPrecedes($1.checksum) }
      for (checksum, document) in sorted { document.add(to: &hash, checksum: checksum) }
      waiting.removeAll(keepingCapacity: true)
    }
    while let row = try readings.next() {
      var columns = RowReader(row, path: path, item: "the table of encodings")
      let id = DocumentID(number: Int64(try columns.integer()))
      let reader = try rows.reader(db, Int64(try columns.integer()))
      guard let document = try rows.reading(db, id, by: reader) else { continue }
      if document.key.bytes != key { flush() }
      key = document.key.bytes
      waiting.append((document.checksum(source: reader.key, secret: nil), document))
      count += 1
    }
    flush()
    hash.add(count)
    let several = "(SELECT count(*) FROM members m WHERE m.document = members.document) > 1"
    guard
      try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM members WHERE \(several))") == true
    else { return }
    try add(
      db, to: &hash,
      sql: """
        SELECT min(e.key), CAST(corpus AS BLOB), split, line
        FROM members JOIN encodings e ON e.document = members.document
        WHERE \(several) GROUP BY members.document, corpus ORDER BY 1, 2, 3, 4
        """)
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
