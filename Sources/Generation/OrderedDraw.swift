import Foundation

/// A draw among all tokens in order, likeliest first, of which only a small part is sorted.
///
/// Tokens go into buckets by how far their logits are below the largest, so that the buckets are in order and
/// only the one that the draw falls into is sorted. Sums over buckets round otherwise than sums over the sorted
/// tokens do; where the difference could decide, there is no answer, and the caller sorts.
struct OrderedDraw {
  private let logits: [Float]
  private let top: Float
  private let temperature: Float
  private let scale: Float
  /// Sum of the weights of each bucket's tokens.
  private var masses = [Double](repeating: 0, count: Self.bucketCount)
  private var total = 0.0
  /// More than all roundings of the sums together: five of as many additions as there are tokens, each off by
  /// at most 2⁻⁵³ of the total.
  private var slack: Double { Double(logits.count) * 0x1p-50 * total }

  private static let bucketCount = 4096
  /// Weights of less than exp(-50) are all in the last bucket.
  private static let range: Float = 50

  /// `nil` where a weight is no number.
  init?(_ logits: [Float], temperature: Float) {
    guard let top = logits.max() else { return nil }
    self.logits = logits
    self.top = top
    self.temperature = temperature
    scale = Float(Self.bucketCount) / (Self.range * temperature)
    for logit in logits {
      let weight = self.weight(logit)
      masses[bucket(logit)] += weight
      total += weight
    }
    guard total.isFinite, total > 0 else { return nil }
  }

  /// The token that a draw among the sorted tokens would give; `nil` where rounding could decide.
  ///
  /// - Parameter share: of the weights that come before it, 0 to below 1.
  func token(at share: Double, topP: Float) -> Int32? {
    var mass = total
    if topP < 1 {
      guard let kept = place(of: Double(topP) * total) else { return nil }
      mass = kept.end
    }
    guard share * mass < mass - slack else { return nil }
    return (place(of: share * mass)?.id).map { Int32($0) }
  }

  /// The token whose weight, added to those of all before it, passes `mass`, and that sum.
  private func place(of mass: Double) -> (id: Int, end: Double)? {
    var (bucket, before) = (0, 0.0)
    while before + masses[bucket] <= mass {
      before += masses[bucket]
      bucket += 1
      guard bucket < masses.count else { return nil }
    }
    // No NaN is among them, or the total would be none.
    let ids = logits.indices.filter { self.bucket(logits[$0]) == bucket }.sorted {
      logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
    }
    var end = before
    for id in ids {
      let begin = end
      end += weight(logits[id])
      guard end > mass else { continue }
      // The very first token has nothing before it to be mistaken for.
      let isClear = end - mass > slack && (mass - begin > slack || begin == 0)
      return isClear ? (id, end) : nil
    }
    return nil
  }

  private func weight(_ logit: Float) -> Double {
    Foundation.exp(Double((logit - top) / temperature))
  }

  /// Grows as logits fall.
  private func bucket(_ logit: Float) -> Int {
    let place = (top - logit) * scale
    return place < Float(Self.bucketCount - 1) ? Int(place) : Self.bucketCount - 1
  }
}
