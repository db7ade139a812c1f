import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How a cache's file is opened.
///
/// While a writer is at work the file is in SQLite's write-ahead mode, so that readers go on
/// reading, and every commit is flushed to the disk before it returns. A writer that closes leaves
/// one plain file, which can be read where nothing can be written.
enum CacheConnection {
  /// How long an operation waits for another process before it gives up, in seconds.
  static let patience: TimeInterval = 5

  /// Bytes of a new file's pages.
  static let pageSize = 4096

  /// - Parameter pageSize: of a file that is new; one that is there keeps its own.
  static func writer(
    _ path: String, pageSize: Int = pageSize, maximumPages: Int? = nil
  ) throws(CacheError) -> DatabaseQueue {
    do throws(any Error) {
      return try DatabaseQueue(
        path: path,
        configuration: configuration(
          readOnly: false, pageSize: pageSize, maximumPages: maximumPages))
    } catch {
      throw CacheError(error, path: path, operation: "open").inOpening
    }
  }

  static func reader(_ path: String) throws(CacheError) -> DatabaseQueue {
    do throws(CacheError) {
      return try plainReader(path)
    } catch .unfinished where recover(path) {
      return try plainReader(path)
    }
  }

  /// Lets SQLite undo what a writer had begun when it was killed, which needs the right to write; false
  /// where that is not given, or a writer is alive.
  private static func recover(_ path: String) -> Bool {
    guard access(path, W_OK) == 0, let lock = try? WriterLock(cache: path) else { return false }
    defer { lock.release() }
    guard let queue = try? writer(path) else { return false }
    defer { try? queue.close() }
    guard (try? queue.read { db in try Schema.marks(db) }) != nil else { return false }
    try? endLogging(queue)
    return true
  }

  private static func plainReader(_ path: String) throws(CacheError) -> DatabaseQueue {
    let configuration = configuration(readOnly: true)
    do throws(any Error) {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      // Opening is lazy: only a read shows whether SQLite can make what it needs beside the file.
      try queue.read { db in _ = try Schema.marks(db) }
      return queue
    } catch {
      guard let refusal = error as? DatabaseError,
        [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(refusal.resultCode)
      else {
        throw CacheError(error, path: path, operation: "open").inOpening
      }
      guard access(path, R_OK) == 0 else {
        throw .refused(path: path, operation: "open", reason: systemMessage())
      }
      // The folder can't be written, and the file says that a log may be beside it. With nothing in
      // the log and no writer, the file is whole.
      guard isEmpty(path + "-wal"), isEmpty(path + "-journal"),
        isEmpty(WriterLock.path(beside: path))
      else {
        throw .unfinished(path: path)
      }
      return try immutable(path, configuration)
    }
  }

  /// Reads the file as it is, without locks and without a file beside it.
  private static func immutable(
    _ path: String, _ configuration: Configuration
  ) throws(CacheError) -> DatabaseQueue {
    let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: "?#%"))
    guard let escaped = path.addingPercentEncoding(withAllowedCharacters: allowed) else {
      throw .refused(path: path, operation: "open", reason: "its name can't be written as a URI")
    }
    do throws(any Error) {
      return try DatabaseQueue(path: "file:\(escaped)?immutable=1", configuration: configuration)
    } catch {
      throw CacheError(error, path: path, operation: "open").inOpening
    }
  }

  private static func isEmpty(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) != 0 ? errno == ENOENT : status.st_size == 0
  }

  private static func configuration(
    readOnly: Bool, pageSize: Int = pageSize, maximumPages: Int? = nil
  ) -> Configuration {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(patience)
    configuration.prepareDatabase { db in
      // A file may come from anywhere: look at each page's structure before using it.
      try db.execute(sql: "PRAGMA cell_size_check = ON")
      if readOnly { return }
      try db.execute(sql: "PRAGMA page_size = \(pageSize)")
      // What is deleted is overwritten, and what is committed survives a loss of power.
      try db.execute(sql: "PRAGMA secure_delete = ON")
      try db.execute(sql: "PRAGMA synchronous = FULL")
      if let maximumPages {
        try db.execute(sql: "PRAGMA max_page_count = \(maximumPages)")
      }
    }
    return configuration
  }

  /// An empty file that its owner alone can read, where there is none; an existing one is made so.
  /// SQLite gives the files beside it the same mode.
  static func prepareFile(_ path: String) throws(CacheError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor >= 0 {
      close(descriptor)
      return
    }
    guard errno == EEXIST else {
      throw .refused(path: path, operation: "create", reason: systemMessage())
    }
    try restrict(path)
  }

  /// Sets mode 0600. By path: closing a descriptor of the file would drop SQLite's locks in this
  /// process.
  static func restrict(_ path: String) throws(CacheError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .refused(path: path, operation: "open", reason: systemMessage())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .notACache(path: path, found: "not a regular file")
    }
    if status.st_mode & 0o777 != 0o600, chmod(path, 0o600) != 0 {
      throw .refused(path: path, operation: "restrict to its owner", reason: systemMessage())
    }
  }

  /// Write-ahead mode: commits are appended to a log, and readers read on.
  static func beginLogging(_ queue: DatabaseQueue) throws {
    try queue.writeWithoutTransaction { db in
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
      try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
    }
  }

  /// Moves the log into the file and, unless readers have it open, makes it a plain one.
  static func endLogging(_ queue: DatabaseQueue) throws {
    try queue.writeWithoutTransaction { db in
      // Readers are not waited for: what can't be tidied now, the next writer's end will.
      try db.execute(sql: "PRAGMA busy_timeout = 0")
      _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
    }
  }
}
