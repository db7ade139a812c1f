import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Opens a cache for reading, once it has this program's schema: one that has an older is migrated before, where this
/// process may write it and nobody else does.
struct CacheMigration {
  private let path: String
  private let key: CacheKey?

  init(_ path: String, _ key: CacheKey?) {
    self.path = path
    self.key = key
  }

  /// How long a reader waits for another that migrates the file, in seconds.
  private static let patience: TimeInterval = 10

  func reader() throws(CacheError) -> DatabaseQueue {
    let deadline = Date.now + Self.patience
    while true {
      let (queue, version) = try opened()
      if version == Schema.version { return queue }
      try? queue.close()
      do throws(CacheError) {
        try migrate()
      } catch .writerPresent(_, let holder) {
        guard Date.now < deadline else {
          throw refusal(version, "\(holder) is writing it: wait until that ends, or stop it")
        }
        usleep(50_000)
      } catch .refused(_, let operation, let reason) {
        // What must not be written, whoever asks, says so itself.
        let advice =
          operation == "write"
          ? ""
          : ": run `denju cache compact \(path)` as who may write it and its folder, or read a copy in a "
            + "folder of your own"
        throw refusal(version, reason + advice)
      }
    }
  }

  private func opened() throws(CacheError) -> (DatabaseQueue, version: Int) {
    let queue = try CacheConnection.reader(path)
    do throws(any Error) {
      return (queue, try queue.read { db in try Schema.requireCache(db, path: path) })
    } catch {
      throw CacheError(error, path: path, operation: "open").inOpening
    }
  }

  private func refusal(_ version: Int, _ reason: String) -> CacheError {
    .olderSchema(path: path, found: version, supported: Schema.version, reason: reason)
  }

  private func migrate() throws(CacheError) {
    guard access(path, W_OK) == 0 else {
      throw .refused(path: path, operation: "migrate", reason: systemMessage())
    }
    let lock = try WriterLock(cache: path)
    defer { lock.release() }
    let queue = try CacheConnection.writer(path)
    defer { try? queue.close() }
    do throws(any Error) {
      try Schema.migrate(queue, Schema.MigratedFile(path: path, key: key))
      try CacheConnection.endLogging(queue)
    } catch {
      throw CacheError(error, path: path, operation: "migrate").inOpening
    }
  }
}
