import Numerics
import Synchronization
import Testing

@Suite struct ThreadTeamTests {
  @Test(arguments: [0, 1, 2, 7, 1000]) func everyItemRunsOnce(_ items: Int) {
    for _ in 0..<200 {
      let counts = UnsafeMutablePointer<Int>.allocate(capacity: max(items, 1))
      counts.initialize(repeating: 0, count: max(items, 1))
      defer { counts.deallocate() }
      parallel(items) { counts[$0] += 1 }
      #expect((0..<items).allSatisfy { counts[$0] == 1 })
    }
  }

  @Test func nestedAndConcurrentCallsComplete() async {
    final class Counter: Sendable { let value = Atomic<Int>(0) }
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<100 {
            parallel(10) { _ in parallel(10) { _ in total.value.add(1, ordering: .relaxed) } }
          }
        }
      }
    }
    #expect(total.value.load(ordering: .relaxed) == 4 * 100 * 100)
  }

  @Test func rangesCoverTheCount() {
    let seen = Atomic<Int>(0)
    parallelRanges(1001, grain: 10) { seen.add($0.count, ordering: .relaxed) }
    #expect(seen.load(ordering: .relaxed) == 1001)
  }

  @Test func aCountOfThreadsIsAWholeNumberOfThem() {
    #expect(ThreadTeam.count(of: "1") == 1 && ThreadTeam.count(of: "256") == 256)
    for text in ["", "0", "-1", "257", "9999", "1.5", "abc"] {
      #expect(ThreadTeam.count(of: text) == nil)
    }
  }
}
