import Foundation
import GRDB
import Identity

/// A frozen model's hidden states over a corpus: one stream of an SQLite file that is complete in itself.
///
/// A file holds one stream or several side by side: other sources, or other layers, precisions or codecs of
/// one. Any number of readers, one writer. All methods may be called from any thread; coding and hashing
/// run in the caller's thread, and access to the file one call after the other.
public final class FeatureCache: Sendable {
  public enum Access: Sendable {
    case read
    /// Takes the writer's lock until `close`.
    case write
  }

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
  let file: CacheFile

  init(_ stored: StoredStream, in file: CacheFile) {
    self.file = file
    self.access = file.access
    self.identity = stored.identity
    self.source = stored.source
    self.chunkTokens = stored.chunkTokens
    self.codec = stored.codec
    self.sourceKey = stored.identity.sourceKey
    self.streamKey = stored.identity.streamKey(chunkTokens: stored.chunkTokens)
    self.sourceID = stored.sourceID
    self.streamID = stored.streamID
  }

  /// Absolute path of the file.
  public var path: String { file.path }

  /// What names the stream in `cache_by_source`, and with `--stream`.
  public var number: Int { Int(streamID) }

  /// Values a token.
  public var width: Int { identity.width }

  /// Ends all use of the file, for all of its streams. A writer's log is folded in, so that one plain file
  /// is left.
  ///
  /// Everything put before is safe whether or not this is called, or succeeds.
  public func close() throws(CacheError) {
    try file.close()
  }

  func read<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    try file.read(operation, body)
  }

  func write<T>(_ operation: String, _ body: (Database) throws -> T) throws(CacheError) -> T {
    try file.write(operation, body)
  }
}

/// Seconds since 1970.
func unixTime() -> Int {
  Int(Date.now.timeIntervalSince1970)
}
