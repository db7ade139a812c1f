import Foundation
import GRDB

extension FeatureCache {
  /// Tokens a record when nothing is said.
  public static let standardChunkTokens = 64

  /// Makes a cache for `identity`, or opens the one that is there for writing, when it fits.
  ///
  /// - Parameters:
  ///   - chunkTokens: tokens a record, 1 to 65,536; a cache that exists keeps its own.
  ///   - acceptOtherNumerics: take a cache whose states other kernels computed.
  /// - Throws: `identityMismatch`, `writerPresent`, `newerSchema`, `notACache`, and what a disk can
  ///   do.
  public static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource,
    chunkTokens: Int = standardChunkTokens, acceptOtherNumerics: Bool = false
  ) throws(CacheError) -> FeatureCache {
    try create(
      path, identity: identity, source: source, chunkTokens: chunkTokens,
      acceptOtherNumerics: acceptOtherNumerics, maximumPages: nil)
  }

  /// `maximumPages` bounds the file, to show what a full disk does.
  package static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource,
    chunkTokens: Int = standardChunkTokens,
    acceptOtherNumerics: Bool = false, maximumPages: Int?
  ) throws(CacheError) -> FeatureCache {
    let new = StoredStream(
      identity: identity, source: source, chunkTokens: chunkTokens, sourceID: 1, streamID: 1)
    try new.requireSound()
    let path = absolute(path)
    let lock = try WriterLock(cache: path)
    try CacheConnection.prepareFile(path)
    let queue = try CacheConnection.writer(path, maximumPages: maximumPages)
    do throws(any Error) {
      try queue.write { db in
        guard try Schema.marks(db).isBlank else { return }
        try Schema.create(db)
        try new.insert(db)
      }
    } catch {
      throw CacheError(error, path: path, operation: "create the tables")
    }
    let cache = try opened(path, queue, lock, identity, acceptOtherNumerics)
    // The template decides a prompt's tokens, so a cache of another would be of other prompts.
    guard cache.source.chatTemplate == source.chatTemplate else {
      let difference = IdentityDifference(
        field: "chat template", cache: cache.source.chatTemplate ?? "none",
        asked: source.chatTemplate ?? "none")
      throw .identityMismatch(path: path, differences: [difference])
    }
    return cache
  }

  /// Throws `writerPresent` while another process writes the cache at `path`, or is making it.
  public static func requireNoWriter(_ path: String) throws(CacheError) {
    try WriterLock(cache: absolute(path)).release()
  }

  /// Opens the cache at `path`.
  ///
  /// - Parameter expected: refuse a cache of another identity; `nil` takes it as it is.
  public static func open(
    _ path: String, _ access: Access = .read, expecting expected: CacheIdentity? = nil,
    acceptOtherNumerics: Bool = false
  ) throws(CacheError) -> FeatureCache {
    let path = absolute(path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .missing(path: path)
    }
    guard !isFolder.boolValue else {
      throw .notACache(path: path, found: "not a regular file but a folder")
    }
    guard access == .write else {
      let queue = try CacheConnection.reader(path)
      return try opened(path, queue, nil, expected, acceptOtherNumerics)
    }
    let lock = try WriterLock(cache: path)
    try CacheConnection.restrict(path)
    let queue = try CacheConnection.writer(path, maximumPages: nil)
    return try opened(path, queue, lock, expected, acceptOtherNumerics)
  }

  /// A look at a file's first bytes: is it a cache, of whatever version?
  public static func isCache(_ path: String) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    guard let head = try? file.read(upToCount: 72), head.count == 72 else { return false }
    // The 100-byte header of SQLite's file format; the application id is at byte 68, big-endian.
    let mark = withUnsafeBytes(of: UInt32(Schema.applicationID).bigEndian) { Array($0) }
    return head.starts(with: Array("SQLite format 3\0".utf8)) && head.suffix(4).elementsEqual(mark)
  }

  private static func opened(
    _ path: String, _ queue: DatabaseQueue, _ lock: WriterLock?, _ expected: CacheIdentity?,
    _ acceptOtherNumerics: Bool
  ) throws(CacheError) -> FeatureCache {
    let stored: StoredStream
    do throws(any Error) {
      let version = try queue.read { db in try Schema.requireCache(db, path: path) }
      if version < Schema.version {
        guard lock != nil else {
          throw CacheError.olderSchema(path: path, found: version, supported: Schema.version)
        }
        try queue.write { db in try Schema.migrate(db, from: version, steps: Schema.migrations) }
      }
      if lock != nil { try queue.write { db in try Schema.refreshViews(db) } }
      stored = try queue.read { db in try StoredStream.load(db, path: path) }
    } catch {
      throw CacheError(error, path: path, operation: "open")
    }
    if let expected {
      let differences = stored.identity.differences(
        from: expected, acceptOtherNumerics: acceptOtherNumerics)
      guard differences.isEmpty else {
        throw .identityMismatch(path: path, differences: differences)
      }
    }
    let cache = try FeatureCache(path: path, stored: stored, queue: queue, lock: lock)
    if lock != nil { try cache.beginWriting() }
    return cache
  }

  private func beginWriting() throws(CacheError) {
    do {
      try CacheConnection.beginLogging(queue)
    } catch {
      throw CacheError(error, path: path, operation: "begin writing")
    }
    try markInterruptedRuns()
  }

  /// SQLite takes a name that begins with "file:" as a URI; an absolute path never does. Links are
  /// followed, so that all names of a cache share one lock.
  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }
}
