import Foundation
import Numerics

/// Chooses tokens from logits as `SamplingOptions` say. Equal options, seed and logits give equal
/// tokens; ties go to the smaller id.
public struct Sampler {
  private let options: SamplingOptions
  private var generator: SeededGenerator
  private var seen: Set<Int32> = []

  public init(_ options: SamplingOptions) {
    self.options = options
    generator = SeededGenerator(seed: options.seed)
  }

  /// The next token, given logits [V]. Remembers it for the repetition penalty.
  public mutating func next(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    let token =
      options.temperature == 0 && options.repetitionPenalty == 1
      ? Self.argmax(logits) : draw(Array(logits))
    if options.repetitionPenalty != 1 { seen.insert(token) }
    return token
  }

  private mutating func draw(_ plain: [Float]) -> Int32 {
    var logits = plain
    for token in seen where logits.indices.contains(Int(token)) {
      let value = logits[Int(token)]
      logits[Int(token)] =
        value > 0 ? value / options.repetitionPenalty : value * options.repetitionPenalty
    }
    if options.temperature == 0 { return logits.withUnsafeBufferPointer(Self.argmax) }

    var candidates = likeliest(logits)
    let top = logits[candidates[0]]
    var weights = candidates.map {
      Foundation.exp(Double((logits[$0] - top) / options.temperature))
    }
    let total = weights.reduce(0, +)
    if options.topP < 1 {
      var (kept, mass) = (0, 0.0)
      while kept < weights.count && mass < Double(options.topP) * total {
        mass += weights[kept]
        kept += 1
      }
      candidates.removeSubrange(kept...)
      weights.removeSubrange(kept...)
    }
    var remaining = Double(generator.next() >> 11) * 0x1p-53 * weights.reduce(0, +)
    for (candidate, weight) in zip(candidates, weights) {
      remaining -= weight
      if remaining < 0 { return Int32(candidate) }
    }
    return Int32(candidates[candidates.count - 1])
  }

  /// Ids of the tokens to draw among, likeliest first.
  private func likeliest(_ logits: [Float]) -> [Int] {
    let order = logits.indices.sorted {
      logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
    }
    return options.topK > 0 ? Array(order.prefix(options.topK)) : order
  }

  private static func argmax(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return Int32(best)
  }
}
