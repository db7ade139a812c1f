import GRDB
import Identity

/// The streams of a file: which there are, which is meant, and adding one.
extension FeatureCache {
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

  /// All streams of the file, this one among them, in the order they were made. They share its connection.
  public func streams() throws(CacheError) -> [FeatureCache] {
    try storedStreams().map { FeatureCache($0, in: file) }
  }

  /// Opens the stream of `identity` for writing in this file, or adds it beside those that there are.
  ///
  /// - Parameters: as of `create`.
  public func stream(
    _ identity: CacheIdentity, source: CacheSource, codec: (any StateCodec)? = nil,
    acceptOtherNumerics: Bool = false, beside: Bool = false, encrypted: Bool = false
  ) throws(CacheError) -> FeatureCache {
    let new = try StoredStream(
      identity: identity, source: source, chunkTokens: Self.standardChunkTokens, codec: codec,
      codecs: file.codecs)
    try new.requireSound()
    if encrypted { try Self.requireEncrypted(file) }
    return try Self.stream(
      new, of: try storedStreams(), in: file, acceptOtherNumerics: acceptOtherNumerics,
      beside: beside)
  }

  /// Opens the stream of `identity` in this file; a file without it is refused.
  public func stream(
    _ identity: CacheIdentity, acceptOtherNumerics: Bool
  ) throws(CacheError) -> FeatureCache {
    let choice = StreamChoice.identity(identity, acceptOtherNumerics: acceptOtherNumerics)
    return FeatureCache(try Self.chosen(choice, of: try storedStreams(), path: path), in: file)
  }

  /// The codec of the file's stream that is as `identity` but for the codec, and has one of this choice; `nil`
  /// where there is none.
  public func codec(
    _ choice: CodecChoice, of identity: CacheIdentity, acceptOtherNumerics: Bool
  ) throws(CacheError) -> (any StateCodec)? {
    try storedStreams().first { stream in
      var asked = identity
      asked.codec = stream.identity.codec
      return choice.matches(stream.codec)
        && stream.identity.differences(from: asked, acceptOtherNumerics: acceptOtherNumerics)
          .isEmpty
    }?.codec
  }

  func storedStreams() throws(CacheError) -> [StoredStream] {
    try read("list the streams") { db in try StoredStream.load(db, file) }
  }

  /// The stream of `new`'s identity among those of a file, or `new` where it may be added.
  static func stream(
    _ new: StoredStream, of streams: [StoredStream], in file: CacheFile,
    acceptOtherNumerics: Bool, beside: Bool
  ) throws(CacheError) -> FeatureCache {
    let cache: FeatureCache
    do {
      let choice = StreamChoice.identity(
        new.identity, acceptOtherNumerics: acceptOtherNumerics)
      cache = FeatureCache(try chosen(choice, of: streams, path: file.path), in: file)
    } catch .identityMismatch where beside {
      cache = try add(new, to: file)
    }
    try requireTemplate(
      new.source.chatTemplate, of: cache.source.chatTemplate, path: file.path)
    return cache
  }

  static func requireEncrypted(_ file: CacheFile) throws(CacheError) {
    guard file.cipher == nil else { return }
    throw .refused(
      path: file.path, operation: "encrypt",
      reason: "it is there already, and is not encrypted; "
        + "merge it into a new one: denju cache merge NEW \(file.path) --encrypt")
  }

  /// Adds a stream to a file, and opens it.
  static func add(_ new: StoredStream, to file: CacheFile) throws(CacheError) -> FeatureCache {
    let stored = try file.write("add a stream") { db in
      var stream = new
      try stream.insert(db, file.cipher)
      let all = try StoredStream.load(db, file)
      let here = try chosen(.number(Int(stream.streamID)), of: all, path: file.path)
      try requireTemplate(
        new.source.chatTemplate, of: here.source.chatTemplate, path: file.path)
      return here
    }
    return FeatureCache(stored, in: file)
  }

  /// Takes the stream back where what was to fill it stored nothing: the file is as if it had never been added.
  /// Its only stream stays.
  public func dropIfEmpty() {
    guard let documents = try? documents(), documents.isEmpty, let streams = try? storedStreams(),
      streams.count > 1
    else { return }
    _ = try? purgeStream()
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

  static func chosen(
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
}
