import Crypto
import Foundation
import GRDB

/// The rows of `sources` and `streams` that say what a cache holds.
struct StoredStream {
  let identity: CacheIdentity
  var source: CacheSource
  let chunkTokens: Int
  let sourceID: Int64
  let streamID: Int64

  /// Throws unless the values make sense, whoever gave them.
  func requireSound() throws(CacheError) {
    guard (1...65_536).contains(chunkTokens) else {
      throw .invalid("a record of \(chunkTokens) tokens: 1 to 65536 are possible")
    }
    guard (1...(1 << 20)).contains(identity.width), identity.layer >= 0 else {
      throw .invalid(
        "states of width \(identity.width) at layer \(identity.layer) are not possible")
    }
    guard identity.tokenizer == hexadecimal(SHA256.hash(data: source.tokenizer)) else {
      throw .invalid(
        "the tokenizer's fingerprint \(identity.tokenizer) is not the SHA-256 of its bytes")
    }
    _ = try StateCodecs.named(identity.codec)
  }

  func insert(_ db: Database) throws {
    let now = unixTime()
    try db.execute(
      sql: """
        INSERT INTO sources (id, name, weights_sha256, architecture, tokenizer, tokenizer_sha256, chat_template,
          path, created, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        sourceID, source.name, identity.weights, identity.architecture, Data(source.tokenizer),
        identity.tokenizer, source.chatTemplate, source.path, now,
        Data(source.checksum(identity: identity)),
      ])
    try db.execute(
      sql: """
        INSERT INTO streams (id, key, source, kind, layer, normalized, precision, codec, numerics, width,
          chunk_tokens, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        streamID, Data(identity.streamKey(chunkTokens: chunkTokens)), sourceID, CacheIdentity.kind,
        identity.layer, identity.normalized ? 1 : 0, identity.precision, identity.codec,
        identity.numerics,
        identity.width, chunkTokens, now,
      ])
  }

  /// Reads and checks the one stream of a cache.
  static func load(_ db: Database, path: String) throws -> StoredStream {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT sources.id, name, weights_sha256, architecture, tokenizer, tokenizer_sha256, chat_template, path,
          checksum, streams.id, key, layer, normalized, precision, codec, numerics, width, chunk_tokens
        FROM streams JOIN sources ON sources.id = streams.source
        """)
    guard let row = rows.first, rows.count == 1 else {
      throw CacheError.damaged(
        path: path, item: "the table of streams",
        reason: "it has \(rows.count) streams instead of one")
    }
    var reader = RowReader(row, path: path, item: "the source")
    let sourceID = Int64(try reader.integer())
    let name = try reader.text()
    let weights = try reader.text()
    let architecture = try reader.text()
    let tokenizer = try reader.bytes()
    let fingerprint = try reader.text()
    let source = CacheSource(
      name: name, path: "", tokenizer: tokenizer, chatTemplate: try reader.optionalText())
    let hint = try reader.text()
    let checksum = try reader.bytes()
    let streamID = Int64(try reader.integer())
    let key = try reader.bytes()
    let identity = CacheIdentity(
      weights: weights, architecture: architecture, tokenizer: fingerprint,
      layer: try reader.integer(),
      normalized: try reader.integer() != 0, precision: try reader.text(), codec: try reader.text(),
      numerics: try reader.text(), width: try reader.integer())
    var stored = StoredStream(
      identity: identity, source: source, chunkTokens: try reader.integer(), sourceID: sourceID,
      streamID: streamID)
    guard source.checksum(identity: identity) == checksum else {
      throw CacheError.damaged(path: path, item: "the source", reason: "its checksum differs")
    }
    guard identity.streamKey(chunkTokens: stored.chunkTokens) == key else {
      throw CacheError.damaged(path: path, item: "the stream", reason: "its key differs")
    }
    try stored.requireSound()
    stored.source.path = hint
    return stored
  }
}
