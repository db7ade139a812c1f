import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// What is wrong with the record in a row; `nil` where it is sound, and used.
  func faultOfRecord(_ row: Int64) -> String? {
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
}
