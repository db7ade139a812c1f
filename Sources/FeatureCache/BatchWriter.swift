import Foundation

/// Collects entries and stores them in transactions of some documents, bytes or seconds.
///
/// A process killed at any moment loses what was not flushed, and nothing else. For one thread.
public final class BatchWriter {
  public let cache: FeatureCache
  public let run: RunID?
  /// Limits of a transaction; the first that is reached stores it.
  private let limit: (documents: Int, bytes: Int, seconds: Double)
  private var entries: [CacheEntry] = []
  private var pending: Set<RecordKey> = []
  private var bytes = 0
  private var began = ContinuousClock.now
  /// What all flushes so far came to.
  public private(set) var report = PutReport()

  public init(
    _ cache: FeatureCache, run: RunID? = nil, documents: Int = 256, bytes: Int = 64 << 20,
    seconds: Double = 5
  ) {
    self.cache = cache
    self.run = run
    self.limit = (documents, bytes, seconds)
  }

  /// How many of the text's first tokens are stored or about to be: where computing must begin.
  /// Equal to the count of ids when nothing is to be computed.
  public func storedTokens(of ids: [Int32]) throws(CacheError) -> Int {
    var count = 0
    for link in cache.chain(ids) {
      if !pending.contains(link.key) {
        guard try cache.contains(link.key) else { break }
      }
      count = link.range.upperBound
    }
    return count
  }

  /// True when this filled a transaction, and it was stored.
  @discardableResult
  public func add(_ entry: CacheEntry) throws(CacheError) -> Bool {
    if entries.isEmpty { began = .now }
    entries.append(entry)
    for record in entry.records where pending.insert(record.key).inserted {
      bytes += record.byteCount
    }
    let waited = ContinuousClock.now - began
    guard
      entries.count >= limit.documents || bytes >= limit.bytes || waited >= .seconds(limit.seconds)
    else {
      return false
    }
    try flush()
    return true
  }

  /// Stores what was added since the last flush. After an error the entries are still here, and may
  /// be flushed again.
  public func flush() throws(CacheError) {
    guard !entries.isEmpty else { return }
    report += try cache.put(entries, run: run)
    entries.removeAll(keepingCapacity: true)
    pending.removeAll(keepingCapacity: true)
    bytes = 0
  }
}
