import Architectures
import Corpora
import FeatureCache
import Foundation
import ModelFiles
import Synchronization

/// A corpus's documents, read and encoded on a thread of their own, a little ahead of who takes them.
final class EncodedCorpus {
  /// Documents that are handed over together, since a hand-over costs as much as a short document.
  private struct Batch: Sendable {
    var documents: [CacheDocument] = []
    var bytes = 0
  }

  private static let batch = (documents: 64, bytes: 256 << 10)

  private let queue = BoundedQueue<Batch>(capacity: 4 << 20)
  private let thread: Background
  private let counts: Counts
  private var taken = Batch().documents[...]

  private final class Counts: Sendable {
    let outcomes = Mutex<[String: Int]>([:])
  }

  init(_ options: PrecomputeOptions, _ reading: SourceReading) {
    let (queue, counts) = (queue, Counts())
    self.counts = counts
    let (format, positions) = (reading.format, reading.configuration.maximumPositions)
    thread = Background("denju-read") {
      queue.finish(
        Result {
          let encoder = try CorpusEncoder(options, format: format, positions: positions)
          var batch = Batch()
          func hand() -> Bool {
            defer { batch = Batch() }
            return queue.put(batch, size: batch.bytes)
          }
          while let document = try encoder.next() {
            batch.documents.append(document)
            batch.bytes += document.textBytes
            if batch.documents.count >= Self.batch.documents || batch.bytes >= Self.batch.bytes,
              !hand()
            {
              return
            }
          }
          counts.outcomes.withLock { $0 = encoder.outcomes }
          _ = hand()
        })
    }
  }

  /// The next document; nil after the last. What the corpus has wrong is thrown in its place.
  func next() throws -> CacheDocument? {
    while taken.isEmpty {
      guard let batch = try queue.next() else { return nil }
      taken = batch.documents[...]
    }
    return taken.popFirst()
  }

  /// Counts by outcome, once all documents are taken.
  var outcomes: [String: Int] { counts.outcomes.withLock { $0 } }

  /// Ends the reading, wherever it is.
  func close() {
    queue.close()
    thread.wait()
  }
}
