import Dispatch
import Foundation

/// Hands elements from one thread to another, in order. Who is ahead waits: what is under way stays
/// bounded, and so does memory.
// Sendable: everything mutable is touched under `condition`'s lock alone, and elements are Sendable.
final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let capacity: Int
  private var waiting: [(element: Element, size: Int)] = []
  private var size = 0
  private var end: Result<Void, any Error>?
  private var isClosed = false

  /// - Parameter capacity: sum of the elements' sizes; one element is taken whatever its size.
  init(capacity: Int) {
    self.capacity = capacity
  }

  /// Waits for room. False when nobody takes elements any more.
  func put(_ element: Element, size added: Int) -> Bool {
    condition.withLock {
      while !isClosed, !waiting.isEmpty, size + added > capacity { condition.wait() }
      guard !isClosed else { return false }
      waiting.append((element, added))
      size += added
      condition.broadcast()
      return true
    }
  }

  /// No more elements come; an error is thrown at the other end once those before it are taken.
  func finish(_ result: Result<Void, any Error>) {
    condition.withLock {
      end = end ?? result
      condition.broadcast()
    }
  }

  /// Waits for an element; nil after the last.
  func next() throws -> Element? {
    try condition.withLock {
      while waiting.isEmpty, end == nil { condition.wait() }
      guard let first = waiting.first else {
        try end?.get()
        return nil
      }
      waiting.removeFirst()
      size -= first.size
      condition.broadcast()
      return first.element
    }
  }

  /// No more elements are taken: who puts them is told.
  func close() {
    condition.withLock {
      isClosed = true
      waiting.removeAll()
      size = 0
      condition.broadcast()
    }
  }
}

/// A thread of its own that runs `body` and can be waited for.
final class Background: Sendable {
  private let done = DispatchSemaphore(value: 0)

  init(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let done = done
    let thread = Thread {
      body()
      done.signal()
    }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
  }

  /// Returns once the thread has ended, however often it is asked.
  func wait() {
    done.wait()
    done.signal()
  }
}
