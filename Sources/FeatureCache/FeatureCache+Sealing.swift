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
  /// A record as its row has it.
  struct RecordColumns: Equatable {
    var ids: Data
    var payload: Data
    var rawBytes: Int
    var error: CodingError
  }

  /// Sizes of what is sealed are multiples of this, since an exact size tells texts apart.
  private static let sealedUnit = 512

  /// Of an encrypted record all that follows from its text is in the payload; errors and sizes beside it are
  /// rounded, or they would confirm a guess as a hash does.
  func sealed(_ record: CacheRecord) throws -> RecordColumns {
    let open = RecordColumns(
      ids: Data(TokenIDs.packed(record.ids)), payload: record.payload,
      rawBytes: record.rawByteCount, error: record.error)
    guard let cipher = file.cipher else { return open }
    // Nothing beside the content says how wide its ids are.
    var content = Data(TokenIDs.bytes(record.ids))
    for number in [
      UInt64(record.rawByteCount), record.error.relative.bitPattern,
      record.error.largest.bitPattern, UInt64(record.payload.count),
    ] {
      withUnsafeBytes(of: number.littleEndian) { content.append(contentsOf: $0) }
    }
    content.append(record.payload)
    content.append(Data(count: (0 - content.count) & (Self.sealedUnit - 1)))
    return RecordColumns(
      ids: Data(), payload: try cipher.seal(content, boundTo: record.key.bytes),
      rawBytes: content.count,
      error: CodingError(
        relative: CacheCipher.coarse(record.error.relative),
        largest: CacheCipher.coarse(record.error.largest)))
  }

  /// A record's token ids and coded values, and what goes with them, from its columns.
  func unsealed(
    _ key: RecordKey, tokens: Int, _ columns: RecordColumns
  ) throws(CacheError) -> (ids: [Int32], columns: RecordColumns) {
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: "record \(key)", reason: reason)
    }
    var open = columns
    if let cipher = file.cipher {
      guard (0...65_536).contains(tokens), columns.ids.isEmpty,
        let content = cipher.open(columns.payload, boundTo: key.bytes),
        let found = Self.content(Data(content), tokens: tokens), columns.rawBytes == content.count,
        CacheCipher.isCoarse(columns.error.relative, of: found.error.relative),
        CacheCipher.isCoarse(columns.error.largest, of: found.error.largest)
      else {
        throw damaged("it can't be decrypted")
      }
      open = found
    }
    guard let numbers = TokenIDs.ids(open.ids, count: tokens) else {
      throw damaged("it says \(tokens) tokens and has \(open.ids.count) bytes of ids")
    }
    return (numbers, open)
  }

  /// The parts of what `sealed` put together; `nil` when they are not there.
  private static func content(_ content: Data, tokens: Int) -> RecordColumns? {
    let head = 4 * tokens + 32
    guard content.count >= head else { return nil }
    let numbers = (0..<4).map { place in
      content.dropFirst(4 * tokens + 8 * place).prefix(8).reversed()
        .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard numbers[3] <= UInt64(content.count - head), let raw = Int(exactly: numbers[0]) else {
      return nil
    }
    return RecordColumns(
      ids: Data(content.prefix(4 * tokens)),
      payload: Data(content.dropFirst(head).prefix(Int(numbers[3]))), rawBytes: raw,
      error: CodingError(
        relative: Double(bitPattern: numbers[1]), largest: Double(bitPattern: numbers[2])))
  }
}
