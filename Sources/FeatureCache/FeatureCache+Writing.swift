import Foundation
import GRDB
import Identity
import Numerics

/// A document on its way into the cache, with those of its records that are not there yet.
public struct CacheEntry: Sendable {
  public var document: CacheDocument
  public var coverage: Coverage
  public var records: [CacheRecord]
  /// The corpora that have it, where it comes from another cache; `nil`: the document's own, where it was found now.
  var members: [CorpusMember]?

  public init(document: CacheDocument, coverage: Coverage, records: [CacheRecord]) {
    self.document = document
    self.coverage = coverage
    self.records = records
  }
}

/// What storing came to.
public struct PutReport: Equatable, Sendable {
  /// Documents that were new.
  public var stored = 0
  /// Documents that were here and have states of another coverage, or in another stream, now.
  public var extended = 0
  /// Documents that were here with all of this.
  public var present = 0
  /// Documents that were here in another split, and are in the given one now.
  public var moved = 0
  public var records = 0
  public var tokens = 0
  /// Of payload.
  public var bytes = 0

  public init() {}

  public static func += (sum: inout PutReport, other: PutReport) {
    sum.stored += other.stored
    sum.extended += other.extended
    sum.present += other.present
    sum.moved += other.moved
    sum.records += other.records
    sum.tokens += other.tokens
    sum.bytes += other.bytes
  }
}

extension FeatureCache {
  /// Codes a text's states into records. Touches no file, and may run in many threads.
  ///
  /// - Parameters:
  ///   - ids: all of the text's token ids.
  ///   - start: the first token to code, as `storedTokens` says it: a multiple of `chunkTokens`,
  ///     the records before it being stored already, or the count of ids.
  ///   - states: `[ids.count - start, width]`, row-major.
  ///   - place: names the text in errors.
  public func records(
    of ids: [Int32], from start: Int = 0, states: UnsafePointer<Float>, place: String
  ) throws(CacheError) -> [CacheRecord] {
    guard
      start == ids.count || (start >= 0 && start < ids.count && start.isMultiple(of: chunkTokens))
    else {
      throw .invalid("token \(start) of \(place) doesn't begin a record of \(chunkTokens) tokens")
    }
    var records: [CacheRecord] = []
    for link in chain(ids) where link.range.lowerBound >= start {
      let values = states + (link.range.lowerBound - start) * width
      records.append(try record(link, of: ids, states: values, place: place))
    }
    return records
  }

  /// The records that a text's states go into, from its start on.
  public func links(of ids: [Int32]) -> [ChainLink] {
    Array(chain(ids))
  }

  /// Codes one record of a text. Touches no file, and may run in many threads.
  ///
  /// - Parameters:
  ///   - ids: all of the text's token ids.
  ///   - states: `[link.range.count, width]`, row-major.
  ///   - place: names the text in errors.
  public func record(
    _ link: ChainLink, of ids: [Int32], states: UnsafePointer<Float>, place: String
  ) throws(CacheError) -> CacheRecord {
    let count = link.range.count * width
    let decoded = FloatBuffer(count: count)
    do throws(CodecError) {
      let encoded = try codec.encode(
        states, tokens: link.range.count, width: width, decoded: decoded.base)
      return CacheRecord(
        key: link.key, parent: link.parent, first: link.range.lowerBound,
        ids: Array(ids[link.range]), codec: codec.name, payload: Data(encoded.payload),
        rawByteCount: encoded.rawByteCount,
        error: CodingError(computed: states, decoded: decoded.base, count: count))
    } catch {
      throw .unstorable(
        item: "\(place), tokens from \(link.range.lowerBound) (\(count) values)",
        reason: "\(error)")
    }
  }

  /// What decoding will give in place of `states`, `[tokens, width]`: a recomputed state that has
  /// passed through here equals a cached one bit for bit.
  public func roundTrip(_ states: UnsafeMutablePointer<Float>, tokens: Int, place: String)
    throws(CacheError)
  {
    do {
      try codec.roundTrip(states, tokens: tokens, width: width)
    } catch {
      throw .unstorable(item: place, reason: "\(error)")
    }
  }

  /// Stores documents and their records in one transaction.
  ///
  /// What is here already is left as it is, so that storing again is harmless. A document that is
  /// here in another split moves to the given one.
  /// - Throws: `conflict` when a document is here with other token ids, or a record with other
  ///   states; nothing of the call is stored then.
  @discardableResult
  public func put(_ entries: [CacheEntry], run: RunID? = nil) throws(CacheError) -> PutReport {
    try write("store documents") { db in
      var report = PutReport()
      for entry in entries { try put(db, entry, run: run, &report) }
      return report
    }
  }

  /// Stores a document and its records.
  func put(_ db: Database, _ entry: CacheEntry, run: RunID?, _ report: inout PutReport) throws {
    for record in entry.records {
      guard try put(db, record, run: run) else { continue }
      report.records += 1
      report.tokens += record.ids.count
      report.bytes += record.payload.count
    }
    try putDocument(db, entry, run: run, &report)
  }

  /// True when the record is new.
  func put(_ db: Database, _ record: CacheRecord, run: RunID?) throws -> Bool {
    if try recordID(db, record.key) != nil {
      try requireSame(db, record)
      return false
    }
    var parent: Int64?
    if let key = record.parent {
      parent = try recordID(db, key)
      guard parent != nil else {
        throw CacheError.notFound(
          path: path, item: "record \(key), which comes before record \(record.key)")
      }
    }
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO records (key, stream, parent, first, tokens, ids, codec, payload, raw_bytes, error_rms, error_max,
          run, created, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    let columns = try sealed(record)
    try statement.execute(arguments: [
      Data(record.key.bytes), streamID, parent, record.first, record.ids.count, columns.ids,
      record.codec, columns.payload, columns.rawBytes, columns.error.relative,
      columns.error.largest, run?.number, unixTime(),
      Data(record.checksum(stream: streamKey, secret: secret)),
    ])
    return true
  }

  /// Equal payloads are equal states; others may still decode to the same, as from another version
  /// of zstd.
  func requireSame(_ db: Database, _ record: CacheRecord) throws {
    let statement = try db.cachedStatement(
      sql: """
        SELECT tokens, ids, payload, raw_bytes, error_rms, error_max FROM records WHERE key = ?
        """)
    guard let row = try Row.fetchOne(statement, arguments: [Data(record.key.bytes)]) else { return }
    var reader = RowReader(row, path: path, item: "record \(record.key)")
    let tokens = try reader.integer()
    let payload = try unsealed(record.key, tokens: tokens, try recordColumns(&reader))
      .columns.payload
    if payload == record.payload { return }
    guard try sameStates(payload, record) else {
      throw CacheError.conflict(
        path: path, item: "record \(record.key)", reason: "the same tokens decode to other states")
    }
  }

  private func sameStates(_ payload: Data, _ record: CacheRecord) throws(CacheError) -> Bool {
    let count = record.ids.count * width
    let here = CacheRecord(
      key: record.key, parent: record.parent, first: record.first, ids: record.ids,
      codec: record.codec,
      payload: payload, rawByteCount: record.rawByteCount, error: record.error)
    var left = [Float](repeating: 0, count: count)
    var right = left
    try decode(here, into: &left)
    try decode(record, into: &right)
    return zip(left, right).allSatisfy { $0.bitPattern == $1.bitPattern }
  }
}
