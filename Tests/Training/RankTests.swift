import Foundation
import Generators
import Layers
import Numerics
import Runs
import Synchronization
import TestSupport
import Testing
import Training

/// Several ranks of one run: here threads of one process.
@Suite struct RankTests {
  /// What ranks put together, and the place where each waits for the others.
  private final class Table: @unchecked Sendable {
    let count: Int
    private let condition = NSCondition()
    private var given: [Int: [Double]] = [:]
    private var result: [[Double]] = []
    private var round = 0

    init(count: Int) { self.count = count }

    /// Gives what this rank has, and gets what all have, by rank.
    func exchange(_ rank: Int, _ values: [Double]) throws -> [[Double]] {
      condition.lock()
      defer { condition.unlock() }
      given[rank] = values
      if given.count == count {
        result = (0..<count).compactMap { given[$0] }
        (given, round) = ([:], round + 1)
        condition.broadcast()
      } else {
        let own = round
        while round == own {
          // A rank that failed comes no more.
          guard condition.wait(until: Date() + 120) else { throw CancellationError() }
        }
      }
      return result
    }
  }

  private final class Rank: Communicator {
    let rank: Int
    var count: Int { table.count }
    private let table: Table

    init(_ rank: Int, _ table: Table) {
      self.rank = rank
      self.table = table
    }

    func sum(_ values: UnsafeMutablePointer<Float>, count: Int) throws {
      let all = try table.exchange(rank, (0..<count).map { Double(values[$0]) })
      for index in 0..<count { values[index] = Float(all.reduce(0) { $0 + $1[index] }) }
    }

    func sum(_ values: inout [Double]) throws {
      let all = try table.exchange(rank, values)
      for index in values.indices { values[index] = all.reduce(0) { $0 + $1[index] } }
    }

    func broadcast(_ values: UnsafeMutablePointer<Float>, count: Int, from root: Int) throws {
      let all = try table.exchange(rank, (0..<count).map { Double(values[$0]) })
      for index in 0..<count { values[index] = Float(all[root][index]) }
    }
  }

  @Test func `two ranks make the run that one makes, and one of them writes it`() throws {
    let fixture = try TinyTraining()
    let options = {
      var options = TinyTraining.options()
      options.accumulate = 2
      options.dropout = 0.1
      return options
    }()
    let alone = try fixture.train("alone", options)
    let table = Table(count: 2)
    let reports = Mutex<[Int: TrainingReport]>([:])
    let path = fixture.cachePath
    let run = fixture.folder.path("together")
    let ended = DispatchGroup()
    for rank in 0..<2 {
      ended.enter()
      // A thread of its own: each waits for the other.
      let thread = Thread {
        let report = try? Trainer(
          cache: path, run: run, design: TinyTraining.design(), options: options,
          communicator: Rank(rank, table)
        ).run(resume: false, progress: { _ in }, shouldStop: { false })
        reports.withLock { $0[rank] = report }
        ended.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    ended.wait()
    let (first, second) = reports.withLock { ($0[0], $0[1]) }
    // Every rank has the sums of all, to the bit; one process adds the same parts in another order.
    let (mine, others) = (try #require(first), try #require(second))
    #expect(mine.trainLoss == others.trainLoss && mine.steps == 16 && others.steps == 16)
    #expect(abs(mine.trainLoss - alone.trainLoss) < 1e-3 * alone.trainLoss)
    #expect(abs(try #require(mine.firstLoss) - (try #require(alone.firstLoss))) < 1e-5)
    let log = try String(decoding: fixture.folder.bytes("together/log.csv"), as: UTF8.self)
    #expect(log.split(separator: "\n").count == 17)
    let weights = try Checkpoint.load(RunFolder(run).last).parameters
    let expected = try Checkpoint.load(RunFolder(fixture.folder.path("alone")).last).parameters
    for (one, other) in zip(weights.tensors, expected.tensors) {
      for (left, right) in zip(weights.values(of: one), expected.values(of: other)) {
        #expect(abs(left - right) < 2e-2, "\(one.name)")
      }
    }
  }
}
