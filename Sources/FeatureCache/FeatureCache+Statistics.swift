import Foundation
import GRDB

/// A stream in numbers.
public struct CacheStatistics: Equatable, Sendable {
  public var documents: [DocumentSplit: Int] = [:]
  public var records = 0
  /// Of all documents' chains.
  public var tokens = 0
  /// Of all records: less than `tokens` where documents begin alike.
  public var storedTokens = 0
  /// Of payload.
  public var stateBytes = 0
  /// Of the whole file, without its log.
  public var fileBytes = 0
  /// What the stored states would take as float32.
  public var float32Bytes = 0
  /// Mean over tokens of |decoded - computed| / |computed|.
  public var meanRelativeError = 0.0
  /// Largest |decoded - computed|.
  public var largestError = 0.0

  /// Of payload; 0 in an empty cache.
  public var bytesPerToken: Double {
    storedTokens == 0 ? 0 : Double(stateBytes) / Double(storedTokens)
  }
}

/// The views that answer the usual questions, by name.
public enum CacheView: String, CaseIterable, Sendable {
  case summary = "cache_summary"
  case bySource = "cache_by_source"
  case byCodec = "cache_by_codec"
  case codecs = "cache_codecs"
  case documents = "cache_documents"
  case members = "cache_members"
  case passes = "cache_passes"
  case runs = "cache_runs"
  case byDay = "cache_by_day"
  case errors = "cache_errors"
  case savings = "cache_savings"
  case duplicates = "cache_duplicates"
  case largest = "cache_largest"
  case lookups = "cache_lookups"

  /// What all their names begin with.
  public static let prefix = "cache_"
}

/// What a view answers: text as `sqlite3` would print it, `nil` for NULL.
public struct CacheTable: Equatable, Sendable {
  public let columns: [String]
  public let rows: [[String?]]
}

extension FeatureCache {
  public func statistics() throws(CacheError) -> CacheStatistics {
    try read("count") { db in
      var result = CacheStatistics()
      for row in try Row.fetchAll(
        db,
        sql: """
          SELECT split, count(*) FROM documents
          WHERE id IN (SELECT document FROM chains WHERE stream = ?) GROUP BY split
          """, arguments: [streamID])
      {
        var reader = RowReader(row, path: path, item: "the list of documents")
        result.documents[try file.documents.split(try reader.text())] = try reader.integer()
      }
      let sums = try Row.fetchOne(
        db,
        sql: """
          SELECT count(*), coalesce(sum(tokens), 0), coalesce(sum(length(payload)), 0),
            coalesce(sum(error_rms * tokens) / sum(tokens), 0), coalesce(max(error_max), 0),
            (SELECT coalesce(sum(tokens), 0) FROM chains WHERE stream = :stream),
            (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)
          FROM records WHERE stream = :stream
          """, arguments: ["stream": streamID])
      guard let sums else { return result }
      var reader = RowReader(sums, path: path, item: "the table of records")
      result.records = try reader.integer()
      result.storedTokens = try reader.integer()
      result.stateBytes = try reader.integer()
      result.meanRelativeError = try reader.real()
      result.largestError = try reader.real()
      result.tokens = try reader.integer()
      result.fileBytes = try reader.integer()
      let values = result.storedTokens.multipliedReportingOverflow(by: 4 * width)
      result.float32Bytes = values.overflow ? Int.max : values.partialValue
      return result
    }
  }

  /// The answer of one of the views in `Schemas/cache.sql`.
  public func table(_ view: CacheView) throws(CacheError) -> CacheTable {
    try read("ask \(view.rawValue)") { db in
      let cursor = try Row.fetchCursor(db, sql: "SELECT * FROM \(view.rawValue)")
      var rows: [[String?]] = []
      while let row = try cursor.next() {
        rows.append(row.databaseValues.map(Self.printed))
      }
      return CacheTable(columns: cursor.columnNames, rows: rows)
    }
  }

  private static func printed(_ value: DatabaseValue) -> String? {
    switch value.storage {
    case .null: nil
    case .int64(let number): String(number)
    case .double(let number): String(number)
    case .string(let text): text
    case .blob(let data): hexadecimal(data)
    }
  }
}
