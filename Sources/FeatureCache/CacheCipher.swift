import Crypto
import Foundation
import GRDB

/// What keeps an encrypted cache's content from who has the file alone: AES-256-GCM over every record and
/// document, and HMAC-SHA256 in place of every hash of them, so that a guess can't be confirmed.
///
/// A cache has a random key of its own, from which both keys are derived (HKDF-SHA256). It is stored sealed
/// with the user's key, so that the user's key can be changed without writing everything anew.
struct CacheCipher: Sendable {
  private let encryption: SymmetricKey
  /// Of the keys and checksums of rows.
  let authentication: SymmetricKey

  private static let name = "AES-256-GCM"
  private static let wrapping = Data("denju cache key 1".utf8)

  private init(cacheKey: SymmetricKey) {
    func derived(_ purpose: String) -> SymmetricKey {
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: cacheKey, info: Data(purpose.utf8), outputByteCount: 32)
    }
    encryption = derived("denju encryption 1")
    authentication = derived("denju authentication 1")
  }

  /// Nonce, ciphertext and tag. What it is bound to must be given again to open it.
  func seal(_ content: Data, boundTo context: [UInt8]) throws -> Data {
    guard
      let sealed = try AES.GCM.seal(content, using: encryption, authenticating: context).combined
    else { throw CryptoKitError.incorrectParameterSize }
    return sealed
  }

  /// `nil` when it was not sealed here, to this context, or has been changed since.
  func open(_ sealed: Data, boundTo context: [UInt8]) -> Data? {
    guard let box = try? AES.GCM.SealedBox(combined: sealed) else { return nil }
    return try? AES.GCM.open(box, using: encryption, authenticating: context)
  }

  // MARK: What stays readable

  /// To one significant digit.
  static func coarse(_ value: Double) -> Double {
    guard value != 0, value.isFinite else { return value }
    let unit = pow(10, floor(log10(abs(value))))
    return (value / unit).rounded() * unit
  }

  /// One digit of 1 to 9 is off by a third at most.
  static func isCoarse(_ rounded: Double, of value: Double) -> Bool {
    abs(rounded - value) <= 0.34 * abs(value)
  }

  // MARK: The key in the file

  /// Makes a new cache an encrypted one.
  static func create(_ db: Database, _ user: CacheKey) throws {
    let cacheKey = SymmetricKey(size: .bits256)
    try db.execute(
      sql: "INSERT INTO encryption (id, cipher, wrapped_key, created) VALUES (1, ?, ?, ?)",
      arguments: [name, try wrap(cacheKey, user), unixTime()])
  }

  /// The cipher of a cache; `nil` when it is not encrypted.
  ///
  /// - Throws: `keyNeeded`, `wrongKey`, `damaged`.
  static func load(_ db: Database, _ user: CacheKey?, path: String) throws -> CacheCipher? {
    guard let cacheKey = try cacheKey(db, user, path: path) else { return nil }
    return CacheCipher(cacheKey: cacheKey)
  }

  /// Seals the cache's key with another user's key.
  static func rotate(_ db: Database, from old: CacheKey?, to new: CacheKey, path: String) throws {
    guard let cacheKey = try cacheKey(db, old, path: path) else {
      throw CacheError.refused(
        path: path, operation: "change the key of", reason: "it is not encrypted")
    }
    try db.execute(
      sql: "UPDATE encryption SET wrapped_key = ?, rotated = ?",
      arguments: [try wrap(cacheKey, new), unixTime()])
  }

  private static func cacheKey(
    _ db: Database, _ user: CacheKey?, path: String
  ) throws -> SymmetricKey? {
    guard let row = try Row.fetchOne(db, sql: "SELECT cipher, wrapped_key FROM encryption") else {
      return nil
    }
    var reader = RowReader(row, path: path, item: "the encryption")
    let cipher = try reader.text()
    guard cipher == name else {
      throw CacheError.damaged(
        path: path, item: "the encryption", reason: "its cipher is \(cipher)")
    }
    let wrapped = try reader.data()
    guard let user else { throw CacheError.keyNeeded(path: path) }
    guard let box = try? AES.GCM.SealedBox(combined: wrapped),
      let bytes = try? AES.GCM.open(box, using: user.key, authenticating: wrapping)
    else { throw CacheError.wrongKey(path: path) }
    return SymmetricKey(data: bytes)
  }

  private static func wrap(_ cacheKey: SymmetricKey, _ user: CacheKey) throws -> Data {
    let bytes = cacheKey.withUnsafeBytes { Data($0) }
    guard
      let sealed = try AES.GCM.seal(bytes, using: user.key, authenticating: wrapping).combined
    else { throw CryptoKitError.incorrectParameterSize }
    return sealed
  }
}
