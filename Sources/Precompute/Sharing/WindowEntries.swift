import FeatureCache
import Identity

/// A window's documents on their way to the cache: each becomes an entry once its states are coded.
struct WindowEntries {
  private let window: CorpusWindow
  private let coverage: Coverage
  /// The first document that was not handed on.
  private var next = DocumentIndex(0)
  /// For each text that is coded the keys of its records.
  private var keys: [TextIndex: [RecordKey]] = [:]
  /// The records that are coded, and in no entry yet.
  private var records: [RecordKey: CacheRecord] = [:]

  init(_ window: CorpusWindow, coverage: Coverage) {
    self.window = window
    self.coverage = coverage
  }

  /// Marks a text as one whose records are all coded, or were before.
  mutating func markCoded(_ text: TextIndex, _ links: [ChainLink]) {
    keys[text] = links.map(\.key)
  }

  mutating func add(_ record: CacheRecord) {
    records[record.key] = record
  }

  /// Hands on documents up to the first that is not done.
  mutating func emit(_ body: (CacheEntry) throws -> Void) throws {
    while next < window.documents.endIndex, isDone(next) {
      try body(entry(next))
      next = next.advanced(by: 1)
    }
  }

  /// Hands on all documents that are done, whatever lies between them.
  mutating func emitAllDone(_ body: (CacheEntry) throws -> Void) throws {
    for index in next..<window.documents.endIndex where isDone(index) {
      try body(entry(index))
    }
    next = window.documents.endIndex
  }

  private func isDone(_ index: DocumentIndex) -> Bool {
    guard let text = window.textOf[index] else { return true }
    // A text without a token has no states; the cache says so in its own words.
    return keys[text] != nil || window.texts[text].isEmpty
  }

  /// The document with those of its records that no entry before it has.
  private mutating func entry(_ index: DocumentIndex) -> CacheEntry {
    var own: [CacheRecord] = []
    if let text = window.textOf[index] {
      for key in keys[text] ?? [] {
        if let record = records.removeValue(forKey: key) { own.append(record) }
      }
    }
    return CacheEntry(document: window.documents[index], coverage: coverage, records: own)
  }
}
