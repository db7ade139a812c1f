import FeatureCache

/// A spool's documents in windows with their schedules, made on a thread of their own, one window
/// ahead of the computing.
final class WindowStream {
  private let queue = BoundedQueue<CorpusWindow>(capacity: 1)
  private let thread: Background

  init(_ spool: DocumentSpool, _ cutter: WindowCutter) {
    let queue = queue
    thread = Background("denju-windows") {
      queue.finish(
        Result {
          var cutter = cutter
          while let document = try spool.next() {
            if let window = cutter.add(document), !queue.put(window, size: 1) { return }
          }
          if let window = cutter.finish() { _ = queue.put(window, size: 1) }
        })
    }
  }

  /// The next window; `nil` after the last.
  func next() throws -> CorpusWindow? { try queue.next() }

  /// Ends the making of windows, wherever it is.
  func close() {
    queue.close()
    thread.wait()
  }
}
