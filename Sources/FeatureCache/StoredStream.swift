import Foundation
import GRDB
import Identity

/// The rows of `sources` and `streams` that say what a stream holds.
struct StoredStream {
  let identity: CacheIdentity
  var source: CacheSource
  let chunkTokens: Int
  let codec: any StateCodec
  var sourceID: Int64 = 0
  var streamID: Int64 = 0

  /// Throws unless the values make sense, whoever gave them.
  func requireSound() throws(CacheError) {
    guard (1...65_536).contains(chunkTokens) else {
      throw .invalid("a record of \(chunkTokens) tokens: 1 to 65536 are possible")
    }
    guard (1...(1 << 20)).contains(identity.width), identity.layer >= 0 else {
      throw .invalid(
        "states of width \(identity.width) at layer \(identity.layer) are not possible")
    }
    guard source.tokenizer.count <= TokenizerFrame.limit else {
      throw .invalid(
        "a tokenizer of \(source.tokenizer.count) bytes: \(TokenizerFrame.limit) are possible")
    }
    guard identity.tokenizer == source.tokenizerFingerprint else {
      throw .invalid(
        "the tokenizer's fingerprint \(identity.tokenizer) is not the SHA-256 of its bytes")
    }
    guard codec.identity == identity.codec else {
      throw .invalid("the codec is \(codec.identity), and the identity says \(identity.codec)")
    }
  }

  /// Adds the stream, and its source where that is not here; notes their row numbers.
  mutating func insert(_ db: Database, _ cipher: CacheCipher?) throws {
    let now = unixTime()
    let known = try Int64.fetchOne(
      db,
      sql:
        "SELECT id FROM sources WHERE weights_sha256 = ? AND architecture = ? AND tokenizer_sha256 = ?",
      arguments: [identity.weights, identity.architecture, identity.tokenizer])
    if let known {
      sourceID = known
    } else {
      try db.execute(
        sql: """
          INSERT INTO sources (name, weights_sha256, architecture, tokenizer, tokenizer_sha256, chat_template,
            path, created, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          source.name, identity.weights, identity.architecture,
          try TokenizerFrame.compress(source.tokenizer), identity.tokenizer, source.chatTemplate,
          source.path, now,
          Data(source.checksum(identity: identity)),
        ])
      sourceID = db.lastInsertedRowID
    }
    try db.execute(
      sql: """
        INSERT INTO streams (key, source, kind, layer, normalized, precision, codec, numerics, width,
          chunk_tokens, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        Data(identity.streamKey(chunkTokens: chunkTokens)), sourceID, identity.scope.kind,
        identity.layer, identity.normalized ? 1 : 0, identity.precision, identity.codec,
        identity.numerics, identity.width, chunkTokens, now,
      ])
    streamID = db.lastInsertedRowID
    try StoredCodec.insert(db, codec, cipher)
  }

  /// Reads and checks the streams of a cache, in the order they were made: one at least.
  static func load(_ db: Database, _ file: CacheFile) throws -> [StoredStream] {
    let path = file.path
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT sources.id, name, weights_sha256, architecture, tokenizer, tokenizer_sha256, chat_template, path,
          checksum, streams.id, key, kind, layer, normalized, precision, codec, numerics, width, chunk_tokens
        FROM streams LEFT JOIN sources ON sources.id = streams.source ORDER BY streams.id
        """)
    guard !rows.isEmpty else {
      throw CacheError.damaged(path: path, item: "the table of streams", reason: "it is empty")
    }
    return try rows.map { row in
      try StoredStream(row, path: path) { try StoredCodec.load(db, $0, of: file) }
    }
  }

  private init(_ row: Row, path: String, codec: (String) throws -> any StateCodec) throws {
    var reader = RowReader(row, path: path, item: "the source")
    sourceID = Int64(try reader.integer())
    let name = try reader.text()
    let weights = try reader.text()
    let architecture = try reader.text()
    let tokenizer = try Self.tokenizer(try reader.data(), path: path)
    let fingerprint = try reader.text()
    source = CacheSource(
      name: name, path: "", tokenizer: tokenizer, chatTemplate: try reader.optionalText())
    let hint = try reader.text()
    let checksum = try reader.bytes()
    streamID = Int64(try reader.integer())
    let key = try reader.bytes()
    let kind = try reader.text()
    let layer = try reader.integer()
    let normalized = try reader.integer()
    guard let scope = StateScope(kind: kind), (0...1).contains(normalized) else {
      throw CacheError.damaged(
        path: path, item: "the stream", reason: "its kind is \(kind), its norm \(normalized)")
    }
    identity = CacheIdentity(
      weights: weights, architecture: architecture, tokenizer: fingerprint,
      layer: layer, normalized: normalized == 1, precision: try reader.text(),
      codec: try reader.text(),
      numerics: try reader.text(), width: try reader.integer(), scope: scope)
    chunkTokens = try reader.integer()
    guard source.checksum(identity: identity) == checksum else {
      throw CacheError.damaged(path: path, item: "the source", reason: "its checksum differs")
    }
    guard identity.streamKey(chunkTokens: chunkTokens) == key else {
      throw CacheError.damaged(path: path, item: "the stream", reason: "its key differs")
    }
    self.codec = try codec(identity.codec)
    try requireSound()
    source.path = hint
  }

  private static func tokenizer(_ frame: Data, path: String) throws(CacheError) -> [UInt8] {
    do {
      return try TokenizerFrame.decompress(frame)
    } catch {
      throw .damaged(path: path, item: "the source", reason: "its tokenizer: \(error)")
    }
  }

  /// - Parameter codec: `nil`: the one of `codecs` that the identity names, which needs no fit.
  init(
    identity: CacheIdentity, source: CacheSource, chunkTokens: Int, codec: (any StateCodec)?,
    codecs: CodecRegistry
  ) throws(CacheError) {
    self.identity = identity
    if let codec {
      self.codec = codec
    } else {
      self.codec = try codecs.codec(identity.codec, parameters: nil)
    }
    self.source = source
    self.chunkTokens = chunkTokens
  }

  /// Tells streams apart to a person, as "2 (smollm2, layer 30 normed, float32, int8)".
  var summary: String {
    "\(streamID) (\(source.name), layer \(identity.layer)\(identity.normalized ? " normed" : ""), "
      + "\(identity.precision), \(identity.codec))"
  }
}
