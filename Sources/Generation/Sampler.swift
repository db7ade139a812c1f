import Foundation
import Numerics

/// Chooses tokens from logits as `SamplingOptions` say. Equal options, seed and logits give equal
/// tokens; ties go to the smaller id.
///
/// A draw is made among the tokens in order, likeliest first, so that a seed's tokens are those of a
/// sorted vocabulary; no more of it is sorted than the draw needs.
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

    let share = Double(generator.next() >> 11) * 0x1p-53
    let isCut = options.topK > 0 && options.topK < logits.count
    if !isCut,
      let token = OrderedDraw(logits, temperature: options.temperature)?
        .token(at: share, topP: options.topP)
    {
      return token
    }
    return draw(at: share, logits, among: likeliest(logits))
  }

  /// - Parameter candidates: ids of the tokens to draw among, likeliest first.
  private func draw(at share: Double, _ logits: [Float], among candidates: [Int]) -> Int32 {
    var candidates = candidates
    let top = logits[candidates[0]]
    var weights = candidates.map {
      Foundation.exp(Double((logits[$0] - top) / options.temperature))
    }
    let total = weights.reduce(0, +)
    if options.topP < 1 {
      var (kept, mass) = (0, 0.0)
      // One is kept, also where a weight is no number.
      while kept < weights.count && (kept == 0 || mass < Double(options.topP) * total) {
        mass += weights[kept]
        kept += 1
      }
      candidates.removeSubrange(kept...)
      weights.removeSubrange(kept...)
    }
    var remaining = share * weights.reduce(0, +)
    for (candidate, weight) in zip(candidates, weights) {
      remaining -= weight
      if remaining < 0 { return Int32(candidate) }
    }
    return Int32(candidates[candidates.count - 1])
  }

  /// Ids of the `topK` likeliest tokens, or of all, likeliest first.
  private func likeliest(_ logits: [Float]) -> [Int] {
    let precedes = { (left: Int, right: Int) in
      logits[left] != logits[right] ? logits[left] > logits[right] : left < right
    }
    guard options.topK > 0, options.topK < logits.count, !logits.contains(where: \.isNaN) else {
      let order = logits.indices.sorted(by: precedes)
      return options.topK > 0 ? Array(order.prefix(options.topK)) : order
    }
    return LikeliestTokens(logits, count: options.topK).ids.sorted(by: precedes)
  }

  private static func argmax(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    return Int32(best)
  }
}

/// The likeliest tokens, in no order: those above the least of them, and of its equals the smaller ids.
struct LikeliestTokens {
  private(set) var ids: [Int] = []

  /// - Parameter count: 1 to the logits' count. No logit is NaN.
  init(_ logits: [Float], count: Int) {
    // The least of the likeliest so far is at the root of a heap.
    var heap = Array(logits.prefix(count))
    for root in stride(from: count / 2 - 1, through: 0, by: -1) { Self.sift(&heap, from: root) }
    for logit in logits.dropFirst(count) where logit > heap[0] {
      heap[0] = logit
      Self.sift(&heap, from: 0)
    }
    let least = heap[0]
    var equals = heap.count { $0 == least }
    ids.reserveCapacity(count)
    for (id, logit) in logits.enumerated() where logit >= least {
      if logit == least {
        guard equals > 0 else { continue }
        equals -= 1
      }
      ids.append(id)
    }
  }

  private static func sift(_ heap: inout [Float], from root: Int) {
    var place = root
    while case let left = 2 * place + 1, left < heap.count {
      var least = left
      if left + 1 < heap.count, heap[left + 1] < heap[left] { least = left + 1 }
      guard heap[least] < heap[place] else { return }
      heap.swapAt(least, place)
      place = least
    }
  }
}
