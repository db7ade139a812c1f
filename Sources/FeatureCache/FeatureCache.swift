import Foundation
import GRDB

/// A store of one frozen model's hidden states over a corpus: one SQLite file, complete in itself.
///
/// Any number of readers, one writer. All methods may be called from any thread; coding and hashing
/// run in the caller's thread, and access to the file one call after the other.
public final class FeatureCache: Sendable {
  public enum Access: Sendable {
    case read
    /// Takes the writer's lock until `close`.
    case write
  }

  /// Absolute path of the file.
  public let path: String
  public let access: Access
  /// Whose states these are; as stored, also where other numerics were accepted.
  public let identity: CacheIdentity
  public let source: CacheSource
  /// Tokens a record.
  public let chunkTokens: Int
  public let codec: any StateCodec

  let sourceKey: [UInt8]
  let streamKey: [UInt8]
  let sourceID: Int64
  let streamID: Int64
  let queue: DatabaseQueue
  private let lock: WriterLock?

  init(path: String, stored: StoredStream, queue: DatabaseQueue, lock: WriterLock?)
    throws(CacheError)
  {
    self.path = path
    self.access = lock == nil ? .read : .write
    self.identity = stored.identity
    self.source = stored.source
    self.chunkTokens = stored.chunkTokens
    self.codec = try StateCodecs.named(stored.identity.codec)
    self.sourceKey = stored.identity.sourceKey
    self.streamKey = stored.identity.streamKey(chunkTokens: stored.chunkTokens)
    self.sourceID = stored.sourceID
    self.streamID = stored.streamID
    self.queue = queue
    self.lock = lock
  }

  deinit {
    try? close()
  }

  /// Ends all use of the cache. A writer's log is folded in, so that one plain file is left.
  ///
  /// Everything put before is safe whether or not this is called, or succeeds.
  public func close() throws(CacheError) {
    defer { lock?.release() }
    do {
      if access == .write { try? CacheConnection.endLogging(queue) }
      try queue.close()
    } catch {
      throw CacheError(error, path: path, operation: "close")
    }
  }

  /// Values a token.
  public var width: Int { identity.width }

  /// Runs `body` in a read transaction, and says what failed in the cache's own errors.
  func read<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    do {
      return try queue.read(body)
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

/// Seconds since 1970.
func unixTime() -> Int {
  Int(Date.now.timeIntervalSince1970)
}
