import FeatureCache
import Identity
import Numerics
import Synchronization

/// What the pools make of every prompt's states in one stream; the states themselves are not kept.
///
/// Shapes: N rows, P pools, C width.
struct PooledStates: Sendable {
  let width: Int
  /// The pools' names, in the order of their values.
  private let pools: [String]
  /// [N, P, C].
  private let values: [Float]

  /// Reads and decodes on all threads.
  init(_ stream: FeatureCache, at place: Int, rows: [ProbeRow], pools: [Pool]) throws {
    let width = stream.width
    let most = rows.map { $0.places[place].promptIDs.count }.max() ?? 0
    let failure = Mutex<(any Error)?>(nil)
    var values = [Float](repeating: 0, count: rows.count * pools.count * width)
    values.withUnsafeMutableBufferPointer { values in
      guard let values = values.baseAddress else { return }
      parallelRanges(rows.count, grain: 16) { range in
        let states = FloatBuffer(count: most * width)
        let room = UnsafeMutableBufferPointer(start: states.base, count: states.count)
        do {
          for index in range {
            let tokens = try stream.states(
              of: rows[index].places[place].document, .prompt, into: room)
            for (pool, each) in pools.enumerated() {
              each.reduce(
                Rows(states.base, count: tokens, width: width),
                values + (index * pools.count + pool) * width)
            }
          }
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    self.width = width
    self.pools = pools.map(\.name)
    self.values = values
  }

  /// Writes a pool's values of all rows into columns that begin at `column` of the rows of `out`.
  func write(_ pool: Pool, to out: Rows, column: Int) {
    guard let place = pools.firstIndex(of: pool.name) else { return }
    for row in 0..<out.count {
      let from = (row * pools.count + place) * width
      for index in 0..<width { out.row(row)[column + index] = values[from + index] }
    }
  }
}
