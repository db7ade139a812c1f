import CKernels
import Numerics

/// What this machine reaches at best, against which rates are stated. Probed in every round, since
/// a shared machine's clock drifts; the best of the run counts.
struct MachinePeaks: Codable {
  /// float32 multiply-adds in registers, all threads, operations a second.
  private(set) var fma = 0.0
  /// 8-bit products summed in 32 bits, in registers (`vpdpbusd` where there is VNNI).
  private(set) var dotInt8 = 0.0
  /// Our matrix product of two square matrices.
  private(set) var product = 0.0
  /// The side of those matrices.
  let side: Int

  /// The product's side, unless another is asked for.
  static let productSize = 2048

  init(side: Int) { self.side = side }

  mutating func probe(_ matrices: borrowing ProbeMatrices) {
    fma = max(fma, Self.rate(denju_peak_fma))
    dotInt8 = max(dotInt8, Self.rate(denju_peak_dot_int8))
    let seconds = min(matrices.secondsPacked(), matrices.secondsPlain())
    product = max(product, matrices.operations / seconds)
  }

  /// Some hundredths of a second on every thread at once.
  private static func rate(_ loop: (Int) -> Double) -> Double {
    let threads = ThreadTeam.shared.count
    let rounds = 2_000_000
    let operations = FloatBuffer(count: threads)
    let began = ContinuousClock.now
    parallel(threads) { operations[$0] = Float(loop(rounds)) }
    let seconds = (ContinuousClock.now - began).inSeconds
    return operations.array().reduce(0) { $0 + Double($1) } / seconds
  }
}

/// Operands of one matrix product, out[m, n] = x[m, k] Wᵀ, with W packed and plain.
struct ProbeMatrices: ~Copyable {
  let m, k, n: Int
  private let x: FloatBuffer
  private let weight: FloatBuffer
  private let packed: PackedMatrix
  private let out: FloatBuffer

  init(m: Int, k: Int, n: Int) {
    (self.m, self.k, self.n) = (m, k, n)
    x = FloatBuffer(count: m * k)
    weight = FloatBuffer(count: n * k)
    var generator = SeededGenerator(seed: 1)
    for index in 0..<x.count { x[index] = generator.uniform() - 0.5 }
    for index in 0..<weight.count { weight[index] = generator.uniform() - 0.5 }
    packed = PackedMatrix(weight: weight.base, rows: n, columns: k)
    out = FloatBuffer(count: m * n)
  }

  var operations: Double { 2 * Double(m) * Double(k) * Double(n) }

  /// Times the product with W packed before, as a model's weights are.
  borrowing func secondsPacked() -> Double {
    let began = ContinuousClock.now
    packed.multiply(out.base, x.base, m: m)
    return (ContinuousClock.now - began).inSeconds
  }

  /// Times the product with W as it lies in memory.
  borrowing func secondsPlain() -> Double {
    let began = ContinuousClock.now
    matmul(out.base, x.base, weight.base, m: m, k: k, n: n, transposeB: true)
    return (ContinuousClock.now - began).inSeconds
  }
}
