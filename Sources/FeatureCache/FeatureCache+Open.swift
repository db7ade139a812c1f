import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// Tokens a record when nothing is said.
  public static let standardChunkTokens = 64

  /// Makes a cache for `identity`, or opens the one that is there for writing, when it fits.
  ///
  /// - Parameters:
  ///   - codec: the fitted one that the identity names; `nil` where it names one that needs no fit.
  ///   - chunkTokens: tokens a record, 1 to 65,536; a stream that exists keeps its own.
  ///   - acceptOtherNumerics: take a stream whose states other kernels computed.
  ///   - beside: where the file has no stream of this identity, add one beside those that it has.
  ///   - encrypted: encrypt the cache where it is new; one that is there is refused when it is not.
  ///   - key: of an encrypted cache.
  ///   - codecs: those that the cache may have.
  /// - Throws: `identityMismatch`, `writerPresent`, `newerSchema`, `notACache`, and what a disk can
  ///   do.
  public static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource, codec: (any StateCodec)? = nil,
    chunkTokens: Int = standardChunkTokens, acceptOtherNumerics: Bool = false,
    beside: Bool = false, encrypted: Bool = false, key: CacheKey? = nil,
    codecs: CodecRegistry = .builtIn
  ) throws(CacheError) -> FeatureCache {
    try create(
      path, identity: identity, source: source, codec: codec, chunkTokens: chunkTokens,
      acceptOtherNumerics: acceptOtherNumerics, beside: beside, encrypted: encrypted, key: key,
      codecs: codecs, pageSize: nil)
  }

  /// `pageSize` is that of a new file; `maximumPages` bounds it, to show what a full disk does.
  package static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource, codec: (any StateCodec)? = nil,
    chunkTokens: Int = standardChunkTokens,
    acceptOtherNumerics: Bool = false, beside: Bool = false, encrypted: Bool = false,
    key: CacheKey? = nil, codecs: CodecRegistry = .builtIn, pageSize: Int?, maximumPages: Int? = nil
  ) throws(CacheError) -> FeatureCache {
    var new = try StoredStream(
      identity: identity, source: source, chunkTokens: chunkTokens, codec: codec, codecs: codecs)
    try new.requireSound()
    let path = absolute(path)
    let key = try usable(key)
    if encrypted, key == nil { throw .keyNeeded(path: path) }
    let lock = try WriterLock(cache: path)
    try CacheConnection.prepareFile(path)
    let queue = try CacheConnection.writer(
      path, pageSize: pageSize ?? CacheConnection.pageSize, maximumPages: maximumPages)
    do throws(any Error) {
      try queue.write { db in
        guard try Schema.marks(db).isBlank else { return }
        try Schema.create(db)
        if encrypted, let key { try CacheCipher.create(db, key) }
        try new.insert(db, try CacheCipher.load(db, key, path: path))
      }
    } catch {
      throw CacheError(error, path: path, operation: "create the tables")
    }
    let (file, streams) = try opened(path, queue, lock, key, codecs)
    if encrypted { try requireEncrypted(file) }
    return try stream(
      new, of: streams, in: file, acceptOtherNumerics: acceptOtherNumerics, beside: beside)
  }

  /// Throws `writerPresent` while another process writes the cache at `path`, or is making it.
  public static func requireNoWriter(_ path: String) throws(CacheError) {
    try WriterLock(cache: absolute(path)).release()
  }

  /// Opens the stream of `identity` in the cache at `path`; a cache without it is refused.
  public static func open(
    _ path: String, _ access: Access = .read, expecting identity: CacheIdentity,
    acceptOtherNumerics: Bool = false, key: CacheKey? = nil, codecs: CodecRegistry = .builtIn
  ) throws(CacheError) -> FeatureCache {
    try open(
      path, access, stream: .identity(identity, acceptOtherNumerics: acceptOtherNumerics),
      key: key, codecs: codecs)
  }

  /// Opens a stream of the cache at `path`.
  ///
  /// - Parameters:
  ///   - key: of an encrypted one; `nil`: the key that the environment names.
  ///   - codecs: those that the cache may have.
  public static func open(
    _ path: String, _ access: Access = .read, stream: StreamChoice = .only, key: CacheKey? = nil,
    codecs: CodecRegistry = .builtIn
  ) throws(CacheError) -> FeatureCache {
    let path = absolute(path)
    let key = try usable(key)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .missing(path: path)
    }
    guard !isFolder.boolValue else {
      throw .notACache(path: path, found: "not a regular file but a folder")
    }
    // A pipe would wait for somebody to write.
    var status = stat()
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
      throw .notACache(path: path, found: "not a regular file")
    }
    let file: CacheFile
    let streams: [StoredStream]
    if access == .write {
      let lock = try WriterLock(cache: path)
      try CacheConnection.restrict(path)
      (file, streams) = try opened(
        path, try CacheConnection.writer(path), lock, key, codecs)
    } else {
      (file, streams) = try opened(
        path, try CacheMigration(path, key).reader(), nil, key, codecs)
    }
    return FeatureCache(try chosen(stream, of: streams, path: path), in: file)
  }

  /// There is no file, or the empty one that is left of a process that was killed as it made a cache.
  public static func isBlank(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: absolute(path))
    return (attributes?[.size] as? Int ?? 0) == 0
  }

  /// Removes a cache that was just made, since what was to be in it could not be.
  public func discard() throws(CacheError) {
    let path = path
    try close()
    for suffix in ["", "-wal", "-shm", "-journal"] where unlink(path + suffix) != 0 {
      guard errno == ENOENT else {
        throw .refused(path: path + suffix, operation: "remove", reason: systemMessage())
      }
    }
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

  /// What was given, or else what the environment names.
  private static func usable(_ key: CacheKey?) throws(CacheError) -> CacheKey? {
    if let key { return key }
    return try CacheKey.fromEnvironment()
  }

  /// The file behind a connection, and the streams in it.
  private static func opened(
    _ path: String, _ queue: DatabaseQueue, _ lock: WriterLock?, _ key: CacheKey?,
    _ codecs: CodecRegistry
  ) throws(CacheError) -> (CacheFile, [StoredStream]) {
    let file: CacheFile
    let streams: [StoredStream]
    do throws(any Error) {
      let version = try queue.read { db in try Schema.requireCache(db, path: path) }
      if version < Schema.version { try Schema.migrate(queue, .init(path: path, key: key)) }
      if lock != nil { try queue.write { db in try Schema.refreshViews(db) } }
      file = CacheFile(
        path: path, queue: queue, lock: lock, codecs: codecs,
        cipher: try queue.read { db in try CacheCipher.load(db, key, path: path) })
      streams = try queue.read { [file] db in try StoredStream.load(db, file) }
      if lock != nil { try CacheConnection.beginLogging(queue) }
    } catch {
      throw CacheError(error, path: path, operation: "open").inOpening
    }
    if lock != nil { try markInterruptedRuns(file) }
    return (file, streams)
  }

  /// SQLite takes a name that begins with "file:" as a URI; an absolute path never does. Links are
  /// followed, so that all names of a cache share one lock.
  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }
}
