import FeatureCache
import Foundation
import Synchronization

/// Stores the entries of several streams of a file, each as `EntryStore` does.
package struct StreamStores {
  private let stores: [EntryStore]

  package init(_ streams: [FeatureCache], run: RunID?) {
    stores = streams.map { EntryStore($0, run: run) }
  }

  /// What is stored so far: the records and bytes of all streams. A document counts once, as new where the first
  /// stream that came to it made it so, and as present where it was in all.
  var report: PutReport {
    let reports = stores.map(\.report)
    var sum = PutReport()
    for report in reports {
      sum.stored += report.stored
      sum.moved += report.moved
      sum.records += report.records
      sum.tokens += report.tokens
      sum.bytes += report.bytes
    }
    sum.extended = max((reports.map { $0.stored + $0.extended }.max() ?? 0) - sum.stored, 0)
    sum.present = reports.map(\.present).min() ?? 0
    return sum
  }

  package func add(_ stream: Int, _ entry: CacheEntry) throws { try stores[stream].add(entry) }

  /// Waits until every stream has stored what it was given, those behind one that fails as well: nothing is being
  /// written any more when this returns. Throws the error of the first that failed.
  package func finish() throws {
    var first: (any Error)?
    for store in stores {
      do { try store.finish() } catch { first = first ?? error }
    }
    if let first { throw first }
  }
}

/// Stores entries on a thread of its own, in the order given, beside the computing.
///
/// Entries that wait are bounded by their bytes. What fails is thrown at the next `add`, or by `finish`.
final class EntryStore: Sendable {
  private let queue = BoundedQueue<CacheEntry>(capacity: 16 << 20)
  private let thread: Background
  private let outcome: Outcome

  private final class Outcome: Sendable {
    let report = Mutex(PutReport())
    let error = Mutex<(any Error)?>(nil)
  }

  init(_ cache: FeatureCache, run: RunID?) {
    let (queue, outcome) = (queue, Outcome())
    self.outcome = outcome
    thread = Background("denju-store") {
      let writer = BatchWriter(cache, run: run, bytes: 16 << 20)
      do {
        while let entry = try queue.next() {
          if try writer.add(entry) { outcome.report.withLock { $0 = writer.report } }
        }
        try writer.flush()
        outcome.report.withLock { $0 = writer.report }
      } catch {
        outcome.error.withLock { $0 = error }
        queue.close()
      }
    }
  }

  /// What is stored so far.
  var report: PutReport { outcome.report.withLock { $0 } }

  func add(_ entry: CacheEntry) throws {
    let text = entry.document.prompt.count + entry.document.response.count
    let bytes = entry.records.reduce(text) { $0 + $1.byteCount }
    guard queue.put(entry, size: bytes) else { return try finish() }
  }

  /// Waits until all is stored.
  func finish() throws {
    queue.finish(.success(()))
    thread.wait()
    if let error = outcome.error.withLock({ $0 }) { throw error }
  }
}
