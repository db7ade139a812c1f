import Crypto
import Foundation
import GRDB

/// A set of texts by their token ids, of any size in little memory.
///
/// It holds 128 bits of each text's SHA-256 in a temporary database without a name, of which SQLite
/// keeps a few megabytes in memory and the rest on the disk, and which is gone with the program. For
/// 10 GB of chat, some 20 million texts, that is 0.8 GB of disk; two different texts would meet with a
/// probability of 1e-24.
public final class TextSet: Sendable {
  private let queue: DatabaseQueue

  public init() throws(CacheError) {
    var configuration = Configuration()
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA cache_size = -8192")
      try db.execute(sql: "PRAGMA journal_mode = OFF")
    }
    do throws(any Error) {
      // An empty name is SQLite's for a private file that it deletes.
      queue = try DatabaseQueue(path: "", configuration: configuration)
      try queue.writeWithoutTransaction { db in
        try db.execute(sql: "CREATE TABLE texts (digest BLOB PRIMARY KEY) WITHOUT ROWID")
      }
    } catch {
      throw CacheError(error, path: "a temporary file", operation: "keep a set of texts")
    }
  }

  /// Adds a text; false when it was here.
  public func insert(_ ids: [Int32]) throws(CacheError) -> Bool {
    var hash = SHA256()
    ids.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return try insert(Data(hash.finalize().prefix(16)))
  }

  /// Adds a document by its text; false when it was here.
  public func insert(_ key: DocumentKey) throws(CacheError) -> Bool {
    try insert(Data(key.bytes.prefix(16)))
  }

  private func insert(_ digest: Data) throws(CacheError) -> Bool {
    do throws(any Error) {
      return try queue.writeWithoutTransaction { db in
        let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO texts VALUES (?)")
        try statement.execute(arguments: [digest])
        return db.changesCount > 0
      }
    } catch {
      throw CacheError(error, path: "a temporary file", operation: "keep a set of texts")
    }
  }
}
