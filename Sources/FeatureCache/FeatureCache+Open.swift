import Foundation
import GRDB

extension FeatureCache {
  /// Tokens a record when nothing is said.
  public static let standardChunkTokens = 64

  /// Which of a file's streams is meant.
  public enum StreamChoice: Sendable {
    /// The only one; where there are several, they are named and refused.
    case only
    /// The first one: for what concerns the file as a whole.
    case first
    /// The one that `cache_by_source` shows under this number.
    case number(Int)
    /// The one of this identity, with states that other kernels computed where that is accepted.
    case identity(CacheIdentity, acceptOtherNumerics: Bool)
  }

  /// Makes a cache for `identity`, or opens the one that is there for writing, when it fits.
  ///
  /// - Parameters:
  ///   - codec: the fitted one that the identity names; `nil` where it names one that needs no fit.
  ///   - chunkTokens: tokens a record, 1 to 65,536; a stream that exists keeps its own.
  ///   - acceptOtherNumerics: take a stream whose states other kernels computed.
  ///   - beside: where the file has no stream of this identity, add one beside those that it has.
  ///   - encrypted: encrypt the cache where it is new; one that is there is refused when it is not.
  ///   - key: of an encrypted cache.
  /// - Throws: `identityMismatch`, `writerPresent`, `newerSchema`, `notACache`, and what a disk can
  ///   do.
  public static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource, codec: (any StateCodec)? = nil,
    chunkTokens: Int = standardChunkTokens, acceptOtherNumerics: Bool = false,
    beside: Bool = false, encrypted: Bool = false, key: CacheKey? = nil
  ) throws(CacheError) -> FeatureCache {
    try create(
      path, identity: identity, source: source, codec: codec, chunkTokens: chunkTokens,
      acceptOtherNumerics: acceptOtherNumerics, beside: beside, encrypted: encrypted, key: key,
      pageSize: nil)
  }

  /// `pageSize` is that of a new file; `maximumPages` bounds it, to show what a full disk does.
  package static func create(
    _ path: String, identity: CacheIdentity, source: CacheSource, codec: (any StateCodec)? = nil,
    chunkTokens: Int = standardChunkTokens,
    acceptOtherNumerics: Bool = false, beside: Bool = false, encrypted: Bool = false,
    key: CacheKey? = nil, pageSize: Int?, maximumPages: Int? = nil
  ) throws(CacheError) -> FeatureCache {
    var new = try StoredStream(
      identity: identity, source: source, chunkTokens: chunkTokens, codec: codec)
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
    let (file, streams) = try opened(path, queue, lock, key)
    guard file.cipher != nil || !encrypted else {
      throw .refused(
        path: path, operation: "encrypt",
        reason: "it is there already, and is not encrypted; "
          + "merge it into a new one: denju cache merge NEW \(path) --encrypt")
    }
    let cache: FeatureCache
    do {
      let choice = StreamChoice.identity(identity, acceptOtherNumerics: acceptOtherNumerics)
      cache = FeatureCache(try chosen(choice, of: streams, path: path), in: file)
    } catch .identityMismatch where beside {
      cache = try add(new, to: file)
    }
    try requireTemplate(source.chatTemplate, of: cache.source.chatTemplate, path: path)
    return cache
  }

  /// Adds a stream to a file, and opens it.
  static func add(_ new: StoredStream, to file: CacheFile) throws(CacheError) -> FeatureCache {
    let stored = try file.write("add a stream") { db in
      var stream = new
      try stream.insert(db, file.cipher)
      let all = try StoredStream.load(db, file.cipher, path: file.path)
      let here = try chosen(.number(Int(stream.streamID)), of: all, path: file.path)
      try requireTemplate(
        new.source.chatTemplate, of: here.source.chatTemplate, path: file.path)
      return here
    }
    return FeatureCache(stored, in: file)
  }

  /// The template decides a prompt's tokens, so states through another would be of other prompts.
  private static func requireTemplate(
    _ asked: String?, of stored: String?, path: String
  ) throws(CacheError) {
    guard stored != asked else { return }
    let difference = IdentityDifference(
      field: "chat template", cache: stored ?? "none", asked: asked ?? "none")
    throw .identityMismatch(path: path, differences: [difference])
  }

  /// Throws `writerPresent` while another process writes the cache at `path`, or is making it.
  public static func requireNoWriter(_ path: String) throws(CacheError) {
    try WriterLock(cache: absolute(path)).release()
  }

  /// Opens the stream of `identity` in the cache at `path`; a cache without it is refused.
  public static func open(
    _ path: String, _ access: Access = .read, expecting identity: CacheIdentity,
    acceptOtherNumerics: Bool = false, key: CacheKey? = nil
  ) throws(CacheError) -> FeatureCache {
    try open(
      path, access, stream: .identity(identity, acceptOtherNumerics: acceptOtherNumerics),
      key: key)
  }

  /// Opens a stream of the cache at `path`.
  ///
  /// - Parameter key: of an encrypted one; `nil`: the key that the environment names.
  public static func open(
    _ path: String, _ access: Access = .read, stream: StreamChoice = .only, key: CacheKey? = nil
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
        path, try CacheConnection.writer(path), lock, key)
    } else {
      (file, streams) = try opened(path, try CacheConnection.reader(path), nil, key)
    }
    return FeatureCache(try chosen(stream, of: streams, path: path), in: file)
  }

  /// The codec of the cache's stream that is as `identity` but for the codec, and has one of this choice; `nil`
  /// where there is none, or no cache.
  public static func codec(
    _ choice: CodecChoice, in path: String, of identity: CacheIdentity, acceptOtherNumerics: Bool
  ) throws(CacheError) -> (any StateCodec)? {
    guard !isBlank(path) else { return nil }
    let cache = try open(path, stream: .first)
    let streams = try cache.streams()
    try cache.close()
    return streams.first { stream in
      var asked = identity
      asked.codec = stream.identity.codec
      return choice.matches(stream.codec)
        && stream.identity.differences(from: asked, acceptOtherNumerics: acceptOtherNumerics)
          .isEmpty
    }?.codec
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
    _ path: String, _ queue: DatabaseQueue, _ lock: WriterLock?, _ key: CacheKey?
  ) throws(CacheError) -> (CacheFile, [StoredStream]) {
    let file: CacheFile
    let streams: [StoredStream]
    do throws(any Error) {
      let version = try queue.read { db in try Schema.requireCache(db, path: path) }
      if version < Schema.version {
        guard lock != nil else {
          throw CacheError.olderSchema(path: path, found: version, supported: Schema.version)
        }
        try queue.write { db in try Schema.migrate(db, from: version, steps: Schema.migrations) }
      }
      if lock != nil { try queue.write { db in try Schema.refreshViews(db) } }
      file = CacheFile(
        path: path, queue: queue, lock: lock,
        cipher: try queue.read { db in try CacheCipher.load(db, key, path: path) })
      streams = try queue.read { [cipher = file.cipher] db in
        try StoredStream.load(db, cipher, path: path)
      }
      if lock != nil { try CacheConnection.beginLogging(queue) }
    } catch {
      throw CacheError(error, path: path, operation: "open").inOpening
    }
    if lock != nil { try markInterruptedRuns(file) }
    return (file, streams)
  }

  private static func chosen(
    _ choice: StreamChoice, of streams: [StoredStream], path: String
  ) throws(CacheError) -> StoredStream {
    switch choice {
    case .only where streams.count > 1:
      throw .severalStreams(path: path, streams: streams.map(\.summary))
    case .only, .first:
      // A file without a stream was refused when they were read.
      guard let first = streams.first else { throw .notFound(path: path, item: "stream") }
      return first
    case .number(let number):
      guard let stream = streams.first(where: { $0.streamID == number }) else {
        throw .notFound(
          path: path,
          item: "stream \(number): it has \(streams.map(\.summary).joined(separator: ", "))")
      }
      return stream
    case .identity(let identity, let acceptOtherNumerics):
      let found = streams.map { stream in
        (
          stream,
          stream.identity.differences(from: identity, acceptOtherNumerics: acceptOtherNumerics)
        )
      }
      let fits = found.filter(\.1.isEmpty).map(\.0)
      if let stream = fits.first(where: { $0.identity == identity }) ?? fits.first {
        return stream
      }
      // Of several others, the one that is most like it says what is amiss.
      throw .identityMismatch(
        path: path, differences: found.min { $0.1.count < $1.1.count }?.1 ?? [])
    }
  }

  /// SQLite takes a name that begins with "file:" as a URI; an absolute path never does. Links are
  /// followed, so that all names of a cache share one lock.
  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
  }
}
