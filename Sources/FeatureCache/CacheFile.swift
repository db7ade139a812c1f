import GRDB

/// One open SQLite file, with the writer's lock where it is written: what the streams in it share.
///
/// It is closed when nobody holds it any more, or before that by `close`.
final class CacheFile: Sendable {
  /// Absolute.
  let path: String
  let queue: DatabaseQueue
  /// The codecs that its streams may have.
  let codecs: CodecRegistry
  /// Of an encrypted file.
  let cipher: CacheCipher?
  private let lock: WriterLock?

  init(
    path: String, queue: DatabaseQueue, lock: WriterLock?, codecs: CodecRegistry,
    cipher: CacheCipher?
  ) {
    self.path = path
    self.codecs = codecs
    self.queue = queue
    self.lock = lock
    self.cipher = cipher
  }

  deinit {
    try? close()
  }

  var access: FeatureCache.Access { lock == nil ? .read : .write }

  /// Its documents' rows, which belong to no one stream.
  var documents: DocumentRows { DocumentRows(path: path, cipher: cipher) }

  /// A writer's log is folded in, so that one plain file is left.
  func close() throws(CacheError) {
    defer { lock?.release() }
    do {
      if access == .write { try? CacheConnection.endLogging(queue) }
      try queue.close()
    } catch {
      throw CacheError(error, path: path, operation: "close")
    }
  }

  /// Runs `body` in a read transaction, and says what failed in the cache's own errors.
  func read<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    do {
      return try queue.read(body)
    } catch {
      throw CacheError(error, path: path, operation: operation)
    }
  }

  /// Runs a `body` of one statement, which is a read transaction by itself and saves what `read` takes to
  /// begin and end one: a sixth of reading a record.
  func readOnce<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    do {
      return try queue.unsafeRead(body)
    } catch {
      throw CacheError(error, path: path, operation: operation)
    }
  }

  /// Runs `body` in a write transaction: all of it is stored, or nothing.
  func write<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    guard access == .write else {
      throw .openedForReading(path: path, operation: operation)
    }
    do {
      return try queue.write(body)
    } catch {
      throw CacheError(error, path: path, operation: operation)
    }
  }
}
