import Crypto
import Foundation
import GRDB
import Identity

extension FeatureCache {
  /// Reads the states of a document.
  ///
  /// - Parameter states: room for `[T, C]`, T the tokens that `coverage` means and C the width; the
  ///   rest is left alone.
  /// - Returns: T.
  /// - Throws: `notFound` when it has no such states, `damaged` when a record is not what was
  ///   stored.
  @discardableResult
  public func states(
    of id: DocumentID, _ coverage: Coverage, into states: UnsafeMutableBufferPointer<Float>
  ) throws(CacheError) -> Int {
    let ids = try document(id).ids(coverage)
    guard try self.states(forTokenIDs: ids, into: states) else {
      throw .notFound(path: path, item: "states of the \(coverage) of \(id)")
    }
    return ids.count
  }

  /// Reads the states of a text by its token ids: what generation asks for a prompt.
  ///
  /// - Parameter states: room for `[T, C]`, T the count of ids and C the width; the rest is left
  ///   alone.
  /// - Returns: false on a miss; the states are then undefined.
  public func states(
    forTokenIDs ids: [Int32], into states: UnsafeMutableBufferPointer<Float>
  ) throws(CacheError) -> Bool {
    guard let base = states.baseAddress, states.count / width >= ids.count, !ids.isEmpty else {
      throw .invalid(
        "\(ids.count) tokens' states of width \(width) don't fit in \(states.count) values")
    }
    let links = Array(chain(ids))
    // Copied out under the queue's turn, decoded after it, so that several threads can decode at
    // once.
    let records = try read("read states") { db -> [CacheRecord]? in
      var records: [CacheRecord] = []
      for link in links {
        guard let record = try record(db, link, of: ids) else { return nil }
        records.append(record)
      }
      return records
    }
    guard let records else { return false }
    for record in records {
      try decode(record, into: base + record.first * width)
    }
    return true
  }

  /// The coded values of one of a text's records, verified and not decoded; `nil` when it is not here.
  public func payload(_ place: Int, of ids: [Int32]) throws(CacheError) -> Data? {
    let links = chain(ids).makeIterator()
    for _ in 0..<place { _ = links.next() }
    guard let link = links.next() else { return nil }
    return try file.readOnce("read a record") { db in try record(db, link, of: ids)?.payload }
  }

  /// The states of a whole text are here.
  public func contains(tokenIDs ids: [Int32]) throws(CacheError) -> Bool {
    guard let last = lastKey(of: ids) else { return false }
    return try contains(last)
  }

  /// Any states are here.
  public func hasRecords() throws(CacheError) -> Bool {
    try read("look for records") { db in
      try Int.fetchOne(db, sql: "SELECT 1 FROM records LIMIT 1") != nil
    }
  }

  public func contains(_ key: RecordKey) throws(CacheError) -> Bool {
    try read("look up a record") { db in try recordID(db, key) != nil }
  }

  /// How many of the text's first tokens are in records here, and need not be coded and stored again.
  public func storedTokens(of ids: [Int32]) throws(CacheError) -> Int {
    try read("look up a prefix") { db in
      var count = 0
      for link in chain(ids) {
        guard try recordID(db, link.key) != nil else { break }
        count = link.range.upperBound
      }
      return count
    }
  }

  func chain(_ ids: [Int32]) -> Chain {
    Chain(
      stream: streamKey, chunkTokens: chunkTokens, ids: ids, scope: identity.scope, secret: secret)
  }

  /// What keys and checksums are hashed with in an encrypted cache.
  var secret: SymmetricKey? { file.cipher?.authentication }

  /// The key of the record that a text ends in; `nil` of an empty one.
  func lastKey(of ids: [Int32]) -> RecordKey? {
    var last: RecordKey?
    for link in chain(ids) { last = link.key }
    return last
  }

  func recordID(_ db: Database, _ key: RecordKey) throws -> Int64? {
    let statement = try db.cachedStatement(sql: "SELECT id FROM records WHERE key = ?")
    return try Int64.fetchOne(statement, arguments: [Data(key.bytes)])
  }

  /// The record a link of `ids` names, every column checked.
  private func record(_ db: Database, _ link: ChainLink, of ids: [Int32]) throws -> CacheRecord? {
    guard let record = try soundRecord(db, link.key, parent: link.parent) else { return nil }
    guard record.first == link.range.lowerBound, record.ids[...] == ids[link.range] else {
      throw CacheError.damaged(
        path: path, item: "record \(link.key)", reason: "it has the tokens of another place")
    }
    return record
  }

  /// The record of a key and its parent's key, its checksum verified.
  func soundRecord(_ db: Database, _ key: RecordKey, parent: RecordKey?) throws -> CacheRecord? {
    let statement = try db.cachedStatement(
      sql: """
        SELECT first, tokens, codec, ids, payload, raw_bytes, error_rms, error_max, checksum
        FROM records WHERE key = ?
        """)
    // A cursor's row is SQLite's own: the payload is copied out of it once.
    let rows = try Row.fetchCursor(statement, arguments: [Data(key.bytes)])
    guard let row = try rows.next() else { return nil }
    var reader = RowReader(row, path: path, item: "record \(key)")
    let first = try reader.integer()
    let tokens = try reader.integer()
    let codec = try reader.text()
    let (ids, columns) = try unsealed(key, tokens: tokens, try recordColumns(&reader))
    let record = CacheRecord(
      key: key, parent: parent, first: first, ids: ids, codec: codec, payload: columns.payload,
      rawByteCount: columns.rawBytes, error: columns.error)
    guard record.checksum(stream: streamKey, secret: secret) == (try reader.bytes()) else {
      throw CacheError.damaged(path: path, item: "record \(key)", reason: "its checksum differs")
    }
    return record
  }

  /// The columns ids, payload, raw_bytes, error_rms and error_max, which come next.
  func recordColumns(_ reader: inout RowReader) throws(CacheError) -> RecordColumns {
    RecordColumns(
      ids: try reader.data(), payload: try reader.data(), rawBytes: try reader.integer(),
      error: CodingError(relative: try reader.real(), largest: try reader.real()))
  }

  /// Writes `record.ids.count * width` values.
  func decode(_ record: CacheRecord, into states: UnsafeMutablePointer<Float>) throws(CacheError) {
    func damaged(_ reason: String) -> CacheError {
      .damaged(path: path, item: "record \(record.key)", reason: reason)
    }
    guard record.codec == codec.name else {
      throw damaged("its codec is \(record.codec), not \(codec.name)")
    }
    let failure = record.payload.withUnsafeBytes { payload -> CodecError? in
      do throws(CodecError) {
        try codec.decode(payload, tokens: record.ids.count, width: width, into: states)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw damaged("\(failure)") }
  }
}
