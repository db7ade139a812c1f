import Foundation
import Synchronization

/// The process's one team of compute threads. Everything that runs in parallel runs through
/// `parallel`, and nothing computed depends on how many threads there are.
///
/// The team is as large as the CPUs this process may use, or as `DENJU_THREADS` says.
// Sendable: `job` and `remaining` are written only by the thread that holds `busy`, before the
// release-store of `round` that the workers acquire; `limit` is atomic.
public final class ThreadTeam: @unchecked Sendable {
  public static let shared = ThreadTeam()

  /// Threads in the team, the caller's among them.
  public let count: Int

  private struct Job {
    let items: Int
    let body: (Int) -> Void
  }

  private var job: Job?
  private let limit: Atomic<Int>
  private let busy = Atomic<Bool>(false)
  private let next = Atomic<Int>(0)
  private let active = Atomic<Int>(0)
  private let round = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let wake = NSCondition()

  /// Rounds of polling before a waiting worker sleeps: some ten microseconds, the length of the gaps
  /// between a model's operations.
  private static let spins = 4000

  static let largestCount = 256

  /// What the environment asks for, as it says it.
  static var askedCount: String? { ProcessInfo.processInfo.environment["DENJU_THREADS"] }

  /// The count of threads that a text says; nil where it says none.
  package static func count(of text: String) -> Int? {
    Int(text).flatMap { (1...largestCount).contains($0) ? $0 : nil }
  }

  private init() {
    count =
      Self.askedCount.flatMap(Self.count)
      ?? min(max(ProcessInfo.processInfo.activeProcessorCount, 1), Self.largestCount)
    limit = Atomic(count)
    for index in 1..<max(count, 1) {
      let thread = Thread { [unowned self] in self.work(index) }
      thread.name = "denju-\(index)"
      thread.stackSize = 1 << 20
      thread.start()
    }
  }

  /// Runs `body` with at most `threads` threads in use, process-wide. For tests and benchmarks.
  public func limited<Result>(to threads: Int, _ body: () throws -> Result) rethrows -> Result {
    let before = limit.exchange(min(max(threads, 1), count), ordering: .sequentiallyConsistent)
    defer { limit.store(before, ordering: .sequentiallyConsistent) }
    return try body()
  }

  fileprivate func run(_ items: Int, _ body: (Int) -> Void) {
    let threads = limit.load(ordering: .relaxed)
    // One item, one thread, a call from inside another or beside another: the caller does it all.
    guard items > 1, threads > 1,
      busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      for index in 0..<items { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      job = Job(items: items, body: body)
      next.store(0, ordering: .relaxed)
      active.store(count - 1, ordering: .relaxed)
      round.add(1, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        wake.lock()
        wake.broadcast()
        wake.unlock()
      }
      take(items, body)
      waitForWorkers()
      job = nil
    }
    busy.store(false, ordering: .releasing)
  }

  private func take(_ items: Int, _ body: (Int) -> Void) {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      if index >= items { return }
      body(index)
    }
  }

  private func work(_ worker: Int) {
    var seen = 0
    while true {
      seen = waitForRound(after: seen)
      if worker < limit.load(ordering: .relaxed) { takePart() }
      active.subtract(1, ordering: .releasing)
    }
  }

  /// Not inlined, so that the worker's hold on the caller's closure ends before it reports.
  @inline(never) private func takePart() {
    if let job { take(job.items, job.body) }
  }

  private func waitForRound(after seen: Int) -> Int {
    for _ in 0..<Self.spins {
      let now = round.load(ordering: .acquiring)
      if now != seen { return now }
      pause()
    }
    wake.lock()
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while round.load(ordering: .sequentiallyConsistent) == seen { wake.wait() }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    wake.unlock()
    return round.load(ordering: .acquiring)
  }

  /// Polls, since the workers end within microseconds of each other; where other programs hold the
  /// cores, it gives its own up in between.
  private func waitForWorkers() {
    var polls = 0
    while active.load(ordering: .acquiring) > 0 {
      polls += 1
      if polls > Self.spins { sched_yield() } else { pause() }
    }
  }

  private func pause() { _ = busy.load(ordering: .relaxed) }
}

/// Calls `body` once for each index in 0 ..< `items`, on all threads of the team, and returns when
/// every call has. The calls must write to different places. A nested call runs on its own thread.
public func parallel(_ items: Int, _ body: (Int) -> Void) {
  ThreadTeam.shared.run(items, body)
}

/// Calls `body` with ranges that cover 0 ..< `count`, of at least `grain` indices each (but for the
/// last), on all threads of the team.
public func parallelRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
  guard count > 0 else { return }
  let pieces = min(max(count / max(grain, 1), 1), 4 * ThreadTeam.shared.count)
  let size = (count + pieces - 1) / pieces
  parallel((count + size - 1) / size) { piece in
    body(piece * size..<min((piece + 1) * size, count))
  }
}
