import Foundation
import GRDB

extension FeatureCache {
  public var isEncrypted: Bool { file.cipher != nil }

  /// Lets an encrypted cache be opened with another key from now on. Copies of the file that were made
  /// before still open with the one before: to encrypt all content anew, merge it into a new cache.
  ///
  /// - Parameter old: `nil`: the key that the environment names.
  public func changeKey(from old: CacheKey? = nil, to new: CacheKey) throws(CacheError) {
    let key: CacheKey?
    if let old { key = old } else { key = try CacheKey.fromEnvironment() }
    try write("change the key") { db in
      try CacheCipher.rotate(db, from: key, to: new, path: path)
    }
  }
}

/// What an encrypted cache has in a row's place. Where a cache is not encrypted, all of this is the identity.
extension FeatureCache {
  /// A document's key as rows have it.
  func storedKey(_ key: DocumentKey) -> [UInt8] {
    guard let cipher = file.cipher else { return key.bytes }
    var hash = FramedHash("denju document key 1", key: cipher.authentication)
    hash.add(key.bytes)
    return hash.finalize()
  }

  /// The columns `ids` and `payload` of a record: of an encrypted one both are in the payload.
  func sealed(_ record: CacheRecord) throws -> (ids: Data, payload: Data) {
    let ids = Data(TokenIDs.bytes(record.ids))
    guard let cipher = file.cipher else { return (ids, record.payload) }
    return (Data(), try cipher.seal(ids + record.payload, boundTo: record.key.bytes))
  }

  /// The token ids and coded values of a record, from its columns.
  func unsealed(
    _ key: RecordKey, tokens: Int, ids: Data, payload: Data
  ) throws(CacheError) -> (ids: [Int32], payload: Data) {
    let item = "record \(key)"
    var (ids, payload) = (ids, payload)
    if let cipher = file.cipher {
      guard (0...65_536).contains(tokens), ids.isEmpty,
        let content = cipher.open(payload, boundTo: key.bytes), content.count >= 4 * tokens
      else {
        throw .damaged(path: path, item: item, reason: "it can't be decrypted")
      }
      ids = content.prefix(4 * tokens)
      payload = Data(content.dropFirst(4 * tokens))
    }
    guard let numbers = TokenIDs.ids(Array(ids)), numbers.count == tokens else {
      throw .damaged(
        path: path, item: item, reason: "it says \(tokens) tokens and has \(ids.count) bytes of ids"
      )
    }
    return (numbers, payload)
  }

  /// A document's text and token ids as rows have them: in columns of their own, or all in `sealed`.
  struct DocumentColumns {
    var prompt = Data()
    var promptIDs = Data()
    var response = Data()
    var responseIDs = Data()
    var sealed: Data?
  }

  func sealed(_ document: CacheDocument) throws -> DocumentColumns {
    let open = DocumentColumns(
      prompt: Data(document.prompt), promptIDs: Data(TokenIDs.bytes(document.promptIDs)),
      response: Data(document.response), responseIDs: Data(TokenIDs.bytes(document.responseIDs)))
    guard let cipher = file.cipher else { return open }
    var content = Data()
    for part in [open.prompt, open.promptIDs, open.response, open.responseIDs] {
      withUnsafeBytes(of: UInt64(part.count).littleEndian) { content.append(contentsOf: $0) }
      content.append(part)
    }
    return DocumentColumns(sealed: try cipher.seal(content, boundTo: storedKey(document.key)))
  }

  /// The columns with what was sealed in its place.
  ///
  /// - Parameter key: as the row has it.
  func unsealed(
    _ columns: DocumentColumns, key: [UInt8], item: String
  ) throws(CacheError) -> DocumentColumns {
    guard let cipher = file.cipher else { return columns }
    guard let sealed = columns.sealed, let content = cipher.open(sealed, boundTo: key) else {
      throw .damaged(path: path, item: item, reason: "it can't be decrypted")
    }
    var rest = content[...]
    var parts: [Data] = []
    while rest.count >= 8 {
      let count = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      guard count <= UInt64(rest.count) else { break }
      parts.append(Data(rest.prefix(Int(count))))
      rest = rest.dropFirst(Int(count))
    }
    guard parts.count == 4, rest.isEmpty else {
      throw .damaged(path: path, item: item, reason: "what it decrypts to is no document")
    }
    return DocumentColumns(
      prompt: parts[0], promptIDs: parts[1], response: parts[2], responseIDs: parts[3])
  }
}
