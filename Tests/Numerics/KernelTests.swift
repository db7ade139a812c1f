import CKernels
import Foundation
import Numerics
import TestSupport
import Testing

/// Every instruction set's loops give the same bits; the elementary functions agree with libm.
@Suite struct KernelTests {
  static let levels = [DENJU_PORTABLE, DENJU_AVX2, DENJU_AVX512]

  /// Kernels of all the levels that this CPU has; the first is the portable one.
  static var tables: [UnsafePointer<denju_kernels>] {
    Dictionary(
      grouping: levels.map { denju_kernels_for($0)! }, by: { $0.pointee.level.rawValue }
    ).values.map { $0[0] }.sorted { $0.pointee.level.rawValue < $1.pointee.level.rawValue }
  }

  @Test(arguments: [0, 1, 5, 15, 16, 17, 100, 577]) func levelsAgreeOnReductions(_ n: Int) {
    let x = random(n, seed: 1)
    let y = random(n, seed: 2)
    let results = Self.tables.map { kernel -> [UInt32] in
      let table = kernel.pointee
      let moved = FloatBuffer(y.array())
      let row = FloatBuffer(x.array())
      table.axpy(n, 0.3, x.base, moved.base)
      let log = table.softmax(n, row.base)
      let scalars = [
        table.dot(n, x.base, y.base), table.sum(n, x.base), table.sum_of_squares(n, x.base), log,
      ]
      return (scalars + moved.array() + row.array()).bits
    }
    for result in results { #expect(result == results[0]) }

    // And they are right, which a level compared with itself would not show.
    let (a, b) = (x.array().map(Double.init), y.array().map(Double.init))
    let found = results[0].map { Double(Float(bitPattern: $0)) }
    let size = a.reduce(0) { $0 + abs($1) } + b.reduce(0) { $0 + abs($1) }
    func near(_ value: Double, _ truth: Double, _ name: String) {
      #expect(abs(value - truth) <= 1e-6 * (1 + size), "\(name) of \(n)")
    }
    near(found[0], zip(a, b).map(*).reduce(0, +), "dot")
    near(found[1], a.reduce(0, +), "sum")
    near(found[2], a.map { $0 * $0 }.reduce(0, +), "sum of squares")
    let exponentials = a.map { Foundation.exp($0) }
    let total = exponentials.reduce(0, +)
    if n > 0 { near(found[3], Foundation.log(total), "logarithm of the sum of exponentials") }
    for index in 0..<n {
      near(found[4 + index], b[index] + Double(Float(0.3)) * a[index], "axpy")
      near(found[4 + n + index], exponentials[index] / total, "softmax")
    }
  }

  @Test func levelsAgreeOnProducts() {
    let (m, k, n) = (29, 83, 37)
    let a = random(m * k, seed: 3)
    let b = random(k * n, seed: 4)
    let bias = random(n, seed: 5)
    let results = Self.tables.map { kernel -> [Float] in
      let table = kernel.pointee
      let packedA = FloatBuffer(count: (m + 16) * k)
      let packedB = FloatBuffer(count: (n + 16) * k)
      let out = FloatBuffer(count: m * n)
      table.pack_a(a.base, k, 1, m, k, packedA.base)
      table.pack_b(b.base, n, 1, k, n, packedB.base, 16 * k)
      table.multiply_block(m, n, k, packedA.base, packedB.base, 16 * k, out.base, n, 0, bias.base)
      return out.array()
    }
    for result in results { #expect(result == results[0]) }
    for row in 0..<m {
      for column in 0..<n {
        let truth = (0..<k).reduce(Double(bias[column])) {
          $0 + Double(a[row * k + $1]) * Double(b[$1 * n + column])
        }
        #expect(abs(Double(results[0][row * n + column]) - truth) < 2e-5)
      }
    }
  }

  /// Products and sums rounded one by one are as close to the truth as fused ones.
  @Test(arguments: [1, 17, 577]) func unfusedLoopsAgreeOnReductions(_ n: Int) {
    let x = random(n, seed: 1)
    let y = random(n, seed: 2)
    let table = denju_unfused_kernels()!.pointee
    let moved = FloatBuffer(y.array())
    table.axpy(n, 0.3, x.base, moved.base)
    var (dot, sum, worst) = (0.0, 0.0, 0.0)
    for i in 0..<n {
      dot += Double(x[i]) * Double(y[i])
      sum += Double(x[i])
      worst = max(worst, abs(Double(moved[i]) - (Double(y[i]) + 0.3 * Double(x[i]))))
    }
    // Values up to one, sums that stay near √n.
    #expect(worst < 2e-7)
    #expect(abs(Double(table.dot(n, x.base, y.base)) - dot) < 1e-7 * Double(n + 10))
    #expect(abs(Double(table.sum(n, x.base)) - sum) < 1e-7 * Double(n + 10))
  }

  /// Units in the last place of the true value; near 1, of 1 where the result saturates.
  @Test func elementaryFunctionsAgreeWithDoublePrecision() {
    let inputs =
      stride(from: Float(-20), through: 20, by: 0.00737).map { $0 } + [0, -0, 1e-20, -1e-8]
    let x = FloatBuffer(inputs)
    for kernel in Self.tables + [denju_unfused_kernels()!] {
      let table = kernel.pointee
      func check(
        _ name: String, _ f: (Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void,
        _ tolerance: Double, _ truth: (Double) -> Double
      ) {
        let y = FloatBuffer(count: inputs.count)
        f(inputs.count, x.base, y.base)
        for (index, input) in inputs.enumerated() {
          let expected = truth(Double(input))
          let error = abs(Double(y[index]) - expected)
          #expect(error <= tolerance * abs(expected) + 1e-44, "\(name)(\(input))")
        }
      }
      check("exp", table.exp, 2.4e-7, { Foundation.exp($0) })
      check("tanh", table.tanh, 2.4e-7, { Foundation.tanh($0) })
      check("sigmoid", table.sigmoid, 3.6e-7, { 1 / (1 + Foundation.exp(-$0)) })
      check("erf", table.erf, 4e-7, { Foundation.erf($0) })
    }
  }

  @Test func expAndSoftmaxAtTheEdges() {
    let x = FloatBuffer([-.infinity, .infinity, .nan, -1000, 1000, 88.7, -86.5])
    for kernel in Self.tables + [denju_unfused_kernels()!] {
      let y = FloatBuffer(count: x.count)
      kernel.pointee.exp(x.count, x.base, y.base)
      #expect(y[0] == 0 && y[1] == .infinity && y[2].isNaN && y[3] == 0 && y[4] == .infinity)
      #expect(y[5].isFinite && y[6] > 0)
      let row = FloatBuffer([1000, 1000, -.infinity])
      _ = kernel.pointee.softmax(3, row.base)
      #expect(row.array() == [0.5, 0.5, 0])
    }
  }
}
