import Foundation
import GRDB

/// The rows of `codecs`: what a stream's codec was fitted to.
enum StoredCodec {
  /// More than any fit has.
  private static let mostBytes = 1 << 30

  /// Adds a fitted codec where it is not here yet; of others there is nothing to store.
  static func insert(_ db: Database, _ codec: any StateCodec, _ cipher: CacheCipher?) throws {
    if let fault = codec.fault { throw CacheError.invalid(fault) }
    guard let parameters = codec.parameters, let fit = codec.fitSummary else { return }
    var stored = Data(try parameters.withUnsafeBytes { try ZstdFrame.compress($0) })
    if let cipher { stored = try cipher.seal(stored, boundTo: Array(codec.identity.utf8)) }
    let measured = fit.measurement
    // Exact figures would confirm a guess of the sample, as a hash does.
    func shown(_ value: Double) -> Double { cipher == nil ? value : CacheCipher.coarse(value) }
    try db.execute(
      sql: """
        INSERT OR IGNORE INTO codecs (identity, allowance, fitted_tokens, held_out_tokens, added, bound, divergence,
          fit, created, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        codec.identity, fit.allowance, measured.fittedTokens, measured.heldOutTokens,
        shown(measured.added), shown(measured.bound), shown(measured.divergence), stored,
        unixTime(),
        checksum(codec.identity, stored, cipher),
      ])
  }

  /// The codec of this identity; a `DamagedCodec` where its fit can't be read.
  static func load(
    _ db: Database, _ identity: String, of file: CacheFile
  ) throws -> any StateCodec {
    let family = try file.codecs.family(of: identity)
    guard family.needsFit else { return try family.codec(identity, parameters: nil) }
    do {
      return try read(db, identity, family, file.cipher, path: file.path)
    } catch let error as CacheError {
      guard case .damaged(_, let item, let reason) = error else { throw error }
      return DamagedCodec(
        name: family.name, identity: identity, reason: "\(item): \(reason)")
    }
  }

  private static func read(
    _ db: Database, _ identity: String, _ family: any CodecFamily, _ cipher: CacheCipher?,
    path: String
  ) throws -> any StateCodec {
    let item = "the fit of the codec \(identity)"
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: item, reason: reason)
    }
    guard
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT fit, checksum, allowance, fitted_tokens, held_out_tokens, added, bound, divergence
          FROM codecs WHERE identity = ?
          """, arguments: [identity])
    else { throw damaged("it is gone") }
    var reader = RowReader(row, path: path, item: item)
    var stored = try reader.data()
    guard try reader.bytes() == Array(checksum(identity, stored, cipher)) else {
      throw damaged("its checksum differs")
    }
    if let cipher {
      guard let opened = cipher.open(stored, boundTo: Array(identity.utf8)) else {
        throw damaged("it can't be decrypted")
      }
      stored = opened
    }
    let codec: any StateCodec
    do {
      let bytes = try stored.withUnsafeBytes { try ZstdFrame.decompress($0, atMost: mostBytes) }
      codec = try family.codec(identity, parameters: bytes)
    } catch {
      throw damaged("\(error)")
    }
    func agrees(_ shown: Double, _ value: Double) -> Bool {
      cipher == nil ? shown == value : CacheCipher.isCoarse(shown, of: value)
    }
    guard let fit = codec.fitSummary,
      try reader.real() == fit.allowance, try reader.integer() == fit.measurement.fittedTokens,
      try reader.integer() == fit.measurement.heldOutTokens,
      agrees(try reader.real(), fit.measurement.added),
      agrees(try reader.real(), fit.measurement.bound),
      agrees(try reader.real(), fit.measurement.divergence)
    else { throw damaged("its row says something else than its fit") }
    return codec
  }

  private static let isUnused = "identity NOT IN (SELECT codec FROM streams)"

  /// Fits that no stream has.
  static func unused(_ db: Database) throws -> [String] {
    try String.fetchAll(db, sql: "SELECT identity FROM codecs WHERE \(isUnused)")
  }

  static func removeUnused(_ db: Database) throws {
    try db.execute(sql: "DELETE FROM codecs WHERE \(isUnused)")
  }

  private static func checksum(_ identity: String, _ stored: Data, _ cipher: CacheCipher?) -> Data {
    var hash = FramedHash("denju codec 1", key: cipher?.authentication)
    hash.add(identity)
    hash.add(stored)
    return Data(hash.finalize())
  }
}
