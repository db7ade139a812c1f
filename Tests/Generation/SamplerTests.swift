import Foundation
import Generation
import Numerics
import Testing

@Suite struct SamplerTests {
  private func draws(
    _ logits: [Float], _ options: SamplingOptions, count: Int = 1
  ) -> [Int32] {
    var sampler = Sampler(options)
    return (0..<count).map { _ in logits.withUnsafeBufferPointer { sampler.next($0) } }
  }

  @Test func `temperature 0 takes the likeliest token, the smaller id of equals`() {
    #expect(draws([1, 3, 2], SamplingOptions()) == [1])
    #expect(draws([3, 1, 3], SamplingOptions()) == [0])
    #expect(draws([-.infinity, -5, -4], SamplingOptions()) == [2])
  }

  @Test func `equal seeds draw alike, others do not`() {
    let logits = (0..<40).map { Float($0 % 7) * 0.1 }
    let drawn = (0..<3).map { seed in
      draws(logits, SamplingOptions(temperature: 1, seed: seed), count: 60)
    }
    #expect(drawn[0] == draws(logits, SamplingOptions(temperature: 1, seed: 0), count: 60))
    #expect(drawn[0] != drawn[1] && drawn[1] != drawn[2])
  }

  @Test func `top-k leaves the likeliest k`() {
    let options = SamplingOptions(temperature: 5, topK: 2, seed: 1)
    #expect(Set(draws([0, 1, 2, 3], options, count: 200)) == [2, 3])
    #expect(
      draws([0, 1, 2, 3], SamplingOptions(temperature: 5, topK: 1), count: 20).allSatisfy {
        $0 == 3
      })
  }

  @Test func `top-p leaves the fewest tokens that reach it`() {
    // Probabilities 0.5, 0.3, 0.2.
    let logits: [Float] = [-0.693147, -1.203973, -1.609438]
    func seen(_ topP: Float) -> Set<Int32> {
      Set(draws(logits, SamplingOptions(temperature: 1, topP: topP, seed: 2), count: 300))
    }
    #expect(seen(0.1) == [0])
    #expect(seen(0.7) == [0, 1])
    #expect(seen(1) == [0, 1, 2])
  }

  @Test func `draws follow the probabilities`() {
    let logits: [Float] = [-0.693147, -1.203973, -1.609438]
    let count = 20_000
    let drawn = draws(logits, SamplingOptions(temperature: 1, seed: 3), count: count)
    for (token, share) in [(Int32(0), 0.5), (1, 0.3), (2, 0.2)] {
      let found = Double(drawn.filter { $0 == token }.count) / Double(count)
      // Five standard errors of a share of 0.5.
      #expect(abs(found - share) < 5 * 0.5 / Double(count).squareRoot())
    }
  }

  @Test func `the repetition penalty acts on tokens that were generated, whatever their sign`() {
    #expect(draws([2, 1.5, 0], SamplingOptions(repetitionPenalty: 1.5), count: 3) == [0, 1, 0])
    #expect(draws([-1, -1.2, -9], SamplingOptions(repetitionPenalty: 1.5), count: 2) == [0, 1])
  }

  @Test(arguments: [
    SamplingOptions(temperature: -1), SamplingOptions(temperature: .nan), SamplingOptions(topK: -1),
    SamplingOptions(topP: 0), SamplingOptions(topP: 1.5), SamplingOptions(repetitionPenalty: 0),
    SamplingOptions(maxTokens: 0), SamplingOptions(stop: [""]),
  ])
  func `options out of their ranges are refused`(options: SamplingOptions) {
    #expect(throws: GenerationError.self) { try options.validate() }
  }

  // MARK: Against a sorted vocabulary

  private static let samplings = [
    SamplingOptions(temperature: 1), SamplingOptions(temperature: 0.3),
    SamplingOptions(temperature: 30), SamplingOptions(temperature: 1e-3),
    SamplingOptions(temperature: 1e-45), SamplingOptions(temperature: 3e38),
    SamplingOptions(temperature: 1, topK: 1), SamplingOptions(temperature: 1, topK: 2),
    SamplingOptions(temperature: 1.5, topK: 40), SamplingOptions(temperature: 1, topK: 1_000_000),
    SamplingOptions(temperature: 1, topP: 0.9), SamplingOptions(temperature: 2, topP: 0.999),
    SamplingOptions(temperature: 1, topP: 1e-6), SamplingOptions(temperature: 1, topP: 0.99999994),
    SamplingOptions(temperature: 0.8, topK: 50, topP: 0.95, repetitionPenalty: 1.3),
    SamplingOptions(temperature: 1.2, topP: 0.5, repetitionPenalty: 1.1),
    SamplingOptions(temperature: 1, repetitionPenalty: 3e38),
  ]

  /// Logits of several kinds: a bell, as a model's; many ties; steep; flat; some that are impossible.
  private static func logits(_ count: Int, kind: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      switch kind {
      case 0: 3 * generator.normal()
      case 1: (2 * generator.normal()).rounded()
      case 2: 40 * generator.normal()
      case 3: 0.25
      default: generator.uniform() < 0.5 ? -.infinity : generator.normal()
      }
    }
  }

  @Test(arguments: samplings) func `draws are those of a sorted vocabulary`(
    options: SamplingOptions
  ) {
    for (count, draws) in [(1, 3), (2, 20), (7, 60), (401, 200), (5000, 10), (49_152, 1)] {
      for kind in 0..<5 {
        var seeded = options
        seeded.seed = UInt64(count + kind)
        var ours = Sampler(seeded)
        var sorting = SortingSampler(seeded)
        for draw in 0..<draws {
          var logits = Self.logits(count, kind: kind, seed: UInt64(1000 * kind + draw))
          // At least one token is possible.
          if kind == 4 { logits[draw % count] = 1 }
          let found = logits.withUnsafeBufferPointer { ours.next($0) }
          #expect(found == sorting.next(logits), "\(options), \(count) logits of kind \(kind)")
        }
      }
    }
  }

  /// The sums of float64 differ in their last bits by the order that they are made in. Where a draw falls that
  /// close to a token's end the vocabulary is sorted: here all weight is in two equal halves.
  @Test func `a draw on the very edge of two tokens is that of a sorted vocabulary`() {
    for seed in 0..<2000 as Range<UInt64> {
      let options = SamplingOptions(temperature: 1, topP: 0.5, seed: seed)
      var ours = Sampler(options)
      var sorting = SortingSampler(options)
      let logits: [Float] = [0, 0, -.infinity, 0, 0]
      #expect(logits.withUnsafeBufferPointer { ours.next($0) } == sorting.next(logits))
    }
  }

  @Test func `no number among the logits is a trap`() {
    for logits in [[Float.nan, 1, 2], [1, .nan, 2], [.infinity, 1, .infinity], [.nan, .nan]] {
      for options in Self.samplings {
        let drawn = draws(logits, options, count: 3)
        #expect(drawn.allSatisfy { logits.indices.contains(Int($0)) })
      }
    }
  }

  /// A ratio of more than ten where nothing else runs.
  @Test func `drawing among a vocabulary of a model takes less time than sorting it`() {
    let logits = Self.logits(49_152, kind: 0, seed: 5)
    for options in [
      SamplingOptions(temperature: 1), SamplingOptions(temperature: 1, topK: 50),
      SamplingOptions(temperature: 1, topP: 0.9),
    ] {
      var ours = Sampler(options)
      var sorting = SortingSampler(options)
      let clock = ContinuousClock()
      let fast = (0..<9).map { _ in
        clock.measure { _ = logits.withUnsafeBufferPointer { ours.next($0) } }
      }.sorted()[4]
      let slow = (0..<9).map { _ in clock.measure { _ = sorting.next(logits) } }.sorted()[4]
      print("49,152 logits, top-k \(options.topK), top-p \(options.topP): \(fast), sorting \(slow)")
      #expect(fast < slow)
    }
  }
}

/// The sampler as it is described, with the whole vocabulary sorted at every token.
private struct SortingSampler {
  let options: SamplingOptions
  var generator: SeededGenerator
  var seen: Set<Int> = []

  init(_ options: SamplingOptions) {
    self.options = options
    generator = SeededGenerator(seed: options.seed)
  }

  mutating func next(_ plain: [Float]) -> Int32 {
    var logits = plain
    for token in seen {
      logits[token] =
        logits[token] > 0
        ? logits[token] / options.repetitionPenalty : logits[token] * options.repetitionPenalty
    }
    var order = logits.indices.sorted {
      logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
    }
    if options.topK > 0 { order = Array(order.prefix(options.topK)) }
    let top = logits[order[0]]
    var weights = order.map { Foundation.exp(Double((logits[$0] - top) / options.temperature)) }
    let total = weights.reduce(0, +)
    if options.topP < 1 {
      var (kept, mass) = (0, 0.0)
      while kept < weights.count && mass < Double(options.topP) * total {
        mass += weights[kept]
        kept += 1
      }
      order = Array(order[..<kept])
      weights = Array(weights[..<kept])
    }
    var remaining = Double(generator.next() >> 11) * 0x1p-53 * weights.reduce(0, +)
    var drawn = order[order.count - 1]
    for (token, weight) in zip(order, weights) {
      remaining -= weight
      if remaining < 0 {
        drawn = token
        break
      }
    }
    if options.repetitionPenalty != 1 { seen.insert(drawn) }
    return Int32(drawn)
  }
}
