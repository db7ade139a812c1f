import Numerics

/// A product out[m, n] = op(a)[m, k] · op(b)[k, n] as the stages compute it.
struct ProductShape: Codable {
  enum Kind: String, Codable {
    /// x · Wᵀ of a weight that was packed before: sources, and generators while they decode.
    case packed
    /// x · Wᵀ of a weight that changes: training, forward.
    case forward
    /// dy · W, the gradient of a layer's input.
    case input
    /// dyᵀ · x, added to the gradient of a layer's weight.
    case weight
  }

  let name: String
  let kind: Kind
  let m: Int
  let k: Int
  let n: Int

  var operations: Double { 2 * Double(m) * Double(k) * Double(n) }

  /// SmolLM2's blocks over 512 tokens and over one; a generator of width 256 over a batch of 1,024
  /// tokens, with its output layer over 256.
  static let all = [
    ProductShape("queries, keys, values", .packed, 512, 576, 960),
    ProductShape("output", .packed, 512, 576, 576),
    ProductShape("gate and up", .packed, 512, 576, 3072),
    ProductShape("down", .packed, 512, 1536, 576),
    ProductShape("gate and up, one token", .packed, 1, 576, 3072),
    ProductShape("down, one token", .packed, 1, 1536, 576),
    ProductShape("projection", .forward, 1024, 256, 256),
    ProductShape("feed-forward", .forward, 1024, 256, 1024),
    ProductShape("output layer", .forward, 256, 256, 49152),
    ProductShape("feed-forward", .input, 1024, 1024, 256),
    ProductShape("output layer", .input, 256, 49152, 256),
    ProductShape("projection", .weight, 256, 1024, 256),
    ProductShape("feed-forward", .weight, 1024, 1024, 256),
    ProductShape("output layer", .weight, 49152, 256, 256),
  ]

  private init(_ name: String, _ kind: Kind, _ m: Int, _ k: Int, _ n: Int) {
    (self.name, self.kind, self.m, self.k, self.n) = (name, kind, m, k, n)
  }

  /// The best of some calls, in which the processor's clock and the operands are warm.
  func seconds() -> Double {
    let a = random(m * k, seed: 1)
    let b = random(k * n, seed: 2)
    let out = FloatBuffer(count: m * n)
    let weight = PackedMatrix(weight: b.base, rows: kind == .packed ? n : 0, columns: k)
    let start = ContinuousClock.now
    var best = Double.infinity
    repeat {
      let began = ContinuousClock.now
      switch kind {
      case .packed: weight.multiply(out.base, a.base, m: m)
      case .forward: matmul(out.base, a.base, b.base, m: m, k: k, n: n, transposeB: true)
      case .input: matmul(out.base, a.base, b.base, m: m, k: k, n: n)
      case .weight:
        matmul(out.base, a.base, b.base, m: m, k: k, n: n, transposeA: true, accumulate: true)
      }
      best = min(best, (ContinuousClock.now - began).inSeconds)
    } while ContinuousClock.now - start < .milliseconds(100)
    return best
  }

  private func random(_ count: Int, seed: UInt64) -> FloatBuffer {
    var generator = SeededGenerator(seed: seed)
    let values = FloatBuffer(count: count)
    for index in 0..<count { values[index] = generator.uniform() - 0.5 }
    return values
  }
}
