import GRDB

/// What rows take in a cache's file, from how SQLite lays them out: a row of a table is in a leaf page up
/// to a limit, and what is beyond it in pages of its own.
///
/// <https://www.sqlite.org/fileformat2.html>, section 1.6. Tables grow at their ends, whose pages are
/// filled; the indexes on hashes grow everywhere, whose pages are two thirds full.
public struct CacheFootprint: Equatable, Sendable {
  public private(set) var bytes = 0.0

  public init() {}

  private static let page = 4096

  /// Bytes of a row beside its payload and ids, and of its entries in indexes; those of a document with what its
  /// source reads of it, a place in a corpus and a chain of records.
  private static let record = (row: 125, indexes: 72)
  private static let document = (row: 95, reading: 87, indexes: 277)

  /// Adds `count` records of `tokens` tokens, each of `idWidth` bytes, with so much payload.
  public mutating func addRecords(_ count: Int, tokens: Int, idWidth: Int, payload: Double) {
    let row = Self.row(Double(Self.record.row + idWidth * tokens) + payload)
    bytes += Double(count) * (row + Double(Self.record.indexes))
  }

  /// Adds `count` documents, each with so many bytes of text as it was given, and of what a source reads of it beside
  /// that: token ids, and what its template wrote.
  public mutating func addDocuments(_ count: Int, given: Double, read: Double) {
    let rows =
      Self.row(Double(Self.document.row) + given)
      + Self.row(Double(Self.document.reading) + read)
    bytes += Double(count) * (rows + Double(Self.document.indexes))
  }

  /// A row's share of its pages.
  private static func row(_ bytes: Double) -> Double {
    let size = Int(bytes.rounded())
    let largest = page - 35
    // Bytes of cell and pointer that a page has for rows, and that a row takes beside its content.
    let (room, extra) = (page - 8, 8)
    func share(_ cell: Int) -> Double { Double(page) / Double(max(room / (cell + extra), 1)) }
    if size <= largest { return share(size) }
    let least = (page - 12) * 32 / 255 - 23
    let wanted = least + (size - least) % (page - 4)
    let local = wanted <= largest ? wanted : least
    let overflow = (size - local + page - 5) / (page - 4)
    return share(local + 4) + Double(overflow * page)
  }
}

extension FeatureCache {
  /// Bytes of SQLite's pages.
  public func pageSize() throws(CacheError) -> Int {
    try read("ask the page's size") { db in try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0 }
  }

  /// Of the whole file, without its log.
  public func fileBytes() throws(CacheError) -> Int {
    try read("count pages") { db in
      let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
      return pages * (try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0)
    }
  }
}
