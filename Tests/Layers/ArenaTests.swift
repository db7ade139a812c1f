import Layers
import Numerics
import Testing

@Suite struct ArenaTests {
  @Test(arguments: [false, true])
  func `what is taken at once is counted, with memory and without`(counts: Bool) {
    let arena = counts ? Arena.counting() : Arena()
    _ = arena.rows(3, 16)
    arena.scratch { _ = arena.rows(10, 16) }
    arena.scratch {
      _ = arena.zeros(4, 16)
      arena.scratch { _ = arena.rows(1, 1) }
    }
    #expect(arena.peak == 13 * 16)
    arena.reset()
    _ = arena.rows(2, 16)
    #expect(arena.peak == 13 * 16)
  }

  @Test func `pieces and reserved memory keep what is written`() {
    for reserved in [0, 1 << 21] {
      let arena = Arena()
      if reserved > 0 { arena.reserve(reserved) }
      for _ in 0..<2 {
        let rows = (0..<3).map { number in
          let rows = arena.rows(1 << 10, 700)
          rows.fill(Float(number))
          return rows
        }
        for (number, rows) in rows.enumerated() {
          #expect(rows.base[0] == Float(number))
          #expect(rows.base[rows.elementCount - 1] == Float(number))
        }
        arena.reset()
      }
    }
  }
}
