import Foundation

/// Contenders one after the other on one workload, round by round, so that a machine that drifts
/// drifts for all of them.
struct Race {
  let workload: Workload
  let contenders: [any Contender]
  let rounds: Int

  /// A pause after each, in which its threads go to sleep: some libraries' spin for 0.2 seconds.
  private static let pause = 0.25

  /// - Parameter betweenRounds: called once a round, as for probing the machine.
  func run(betweenRounds: () throws -> Void) throws -> [BenchReport.Timing] {
    Terminal.message("bench: \(workload.name): \(workload.documents.count) documents")
    var timings = try contenders.map { contender in
      try Interruption.check()
      let setting = try contender.prepare(workload)
      return BenchReport.Timing(name: contender.name, isOurs: contender.isOurs, setting: setting)
    }
    for round in 0..<rounds {
      try betweenRounds()
      // Another goes first each time.
      for step in contenders.indices {
        let index = (round + step) % contenders.count
        try Interruption.check()
        Thread.sleep(forTimeInterval: Self.pause)
        timings[index].seconds.append(try contenders[index].seconds(workload))
      }
    }
    return timings
  }
}

/// Contenders of one matrix product: ours and the libraries'.
struct ProductRace {
  let libraries: [ProductPeer]
  let rounds: Int
  /// The side of the largest product; no side of the others is larger.
  let largest: Int

  /// The largest that is compared, and those of SmolLM2 with 512 tokens: the products with the
  /// attention's projections, its output, the gate and up, and the down projection.
  private static let shapes: [(Int, Int, Int)] = [
    (.max, .max, .max), (512, 576, 960), (512, 576, 576), (512, 576, 3072), (512, 1536, 576),
  ]

  func run() throws -> [BenchReport.Product] {
    try Self.shapes.map { shape in
      let (m, k, n) = (min(shape.0, largest), min(shape.1, largest), min(shape.2, largest))
      let matrices = ProbeMatrices(m: m, k: k, n: n)
      var seconds: [String: [Double]] = [:]
      for _ in 0..<rounds {
        try Interruption.check()
        // A library's threads spin for some hundredths of a second before they sleep.
        Thread.sleep(forTimeInterval: ProductPeer.pause)
        seconds["Denju", default: []].append(Self.best(matrices))
        for library in libraries {
          Thread.sleep(forTimeInterval: ProductPeer.pause)
          seconds[library.name, default: []].append(try library.seconds(m: m, k: k, n: n))
        }
      }
      return BenchReport.Product(
        m: m, k: k, n: n,
        rates: seconds.mapValues { matrices.operations / BenchReport.median($0) })
    }
  }
}

extension ProductRace {
  /// The best of some calls, as the libraries' is.
  private static func best(_ matrices: borrowing ProbeMatrices) -> Double {
    let start = ContinuousClock.now
    var best = matrices.secondsPacked()
    while ContinuousClock.now - start < ProductPeer.tried {
      best = min(best, matrices.secondsPacked())
    }
    return best
  }
}

/// A library's matrix product, in a process of its own.
struct ProductPeer {
  let name: String
  let process: PeerProcess
  static let tried = Duration.milliseconds(200)
  static let pause = 0.1

  private struct Request: Encodable {
    let product: [Int]
  }

  func seconds(m: Int, k: Int, n: Int) throws -> Double {
    try process.ask(Request(product: [m, k, n]), as: PeerContender.Seconds.self).seconds
  }
}
