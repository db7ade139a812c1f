import Foundation
import Numerics
import Testing

@Suite struct LimitedMemoryBFGSTests {
  /// Σ c_i (x_i - i)² / 2 + 1, of curvatures from 1 to 100.
  private func quadratic(_ point: [Float], _ gradient: inout [Float]) -> Double {
    var value = 1.0
    for index in point.indices {
      let rest = point[index] - Float(index)
      gradient[index] = curvature(index) * rest
      value += Double(gradient[index]) * Double(rest) / 2
    }
    return value
  }

  private func curvature(_ index: Int) -> Float { Float(pow(10, Double(index % 3))) }

  @Test func `in the metric of its curvature a quadratic takes one step`() {
    var point = [Float](repeating: 0, count: 20)
    let search = LimitedMemoryBFGS(metric: point.indices.map { 1 / curvature($0) })
    let outcome = search.minimize(&point, tolerance: 1e-6, quadratic)
    #expect(outcome.evaluations == 2 && outcome.value - 1 < 1e-6)
    #expect(zip(point, 0..<20).allSatisfy { abs($0 - Float($1)) < 1e-4 })
  }

  @Test func `without it, what it has seen of the curvature brings it there`() {
    var point = [Float](repeating: 0, count: 20)
    let search = LimitedMemoryBFGS(metric: [Float](repeating: 1, count: 20))
    let outcome = search.minimize(&point, tolerance: 1e-7, quadratic)
    // Steepest descent would take hundreds.
    #expect(outcome.evaluations < 100 && outcome.value - 1 < 1e-5)
    #expect(zip(point, 0..<20).allSatisfy { abs($0 - Float($1)) < 0.01 })
  }

  @Test func `of a curve that is no quadratic it finds the minimum`() {
    // Σ log(eˣ + 2 e⁻ˣ): smooth, convex, least at log(2) / 2.
    var point: [Float] = [8, -8, 0.1]
    let search = LimitedMemoryBFGS(metric: [1, 1, 1])
    _ = search.minimize(&point, tolerance: 1e-9) { point, gradient in
      var value = 0.0
      for (index, x) in point.enumerated() {
        let (up, down) = (Foundation.exp(Double(x)), 2 * Foundation.exp(-Double(x)))
        gradient[index] = Float((up - down) / (up + down))
        value += Foundation.log(up + down)
      }
      return value
    }
    for x in point { #expect(abs(Double(x) - Foundation.log(2) / 2) < 1e-3) }
  }

  @Test func `a memory of a function that curves alike spares evaluations`() {
    // Four variables: six steps tell all of their curvature.
    let search = LimitedMemoryBFGS(metric: [Float](repeating: 1, count: 4))
    var memory = LimitedMemoryBFGS.Memory()
    var first = [Float](repeating: 0, count: 4)
    _ = search.minimize(&first, &memory, tolerance: 1e-3, quadratic)
    // Ten times the curvature, from elsewhere.
    func steeper(_ point: [Float], _ gradient: inout [Float]) -> Double {
      let value = 10 * quadratic(point, &gradient)
      for index in gradient.indices { gradient[index] *= 10 }
      return value
    }
    let elsewhere: [Float] = [0, 1, 4, 2]
    var (without, with) = (elsewhere, elsewhere)
    let cold = search.minimize(&without, tolerance: 1e-5, steeper)
    memory = memory.turned { _, turn in
      for index in turn.indices { turn[index] *= 10 }
    }
    let warm = search.minimize(&with, &memory, tolerance: 1e-5, steeper)
    #expect(2 * warm.evaluations < cold.evaluations)
    // Half of 1e-5 of the value, over a curvature of 10.
    #expect(zip(with, 0..<4).allSatisfy { abs($0 - Float($1)) < 0.01 })
  }

  @Test func `of a memory, steps on which the other function does not curve upwards are dropped`() {
    let search = LimitedMemoryBFGS(metric: [Float](repeating: 1, count: 20))
    var memory = LimitedMemoryBFGS.Memory()
    var point = [Float](repeating: 0, count: 20)
    _ = search.minimize(&point, &memory, tolerance: 1e-7, quadratic)
    var emptied = memory.turned { _, turn in
      for index in turn.indices { turn[index] = -turn[index] }
    }
    var (one, other) = ([Float](repeating: 0, count: 20), [Float](repeating: 0, count: 20))
    let cold = search.minimize(&one, tolerance: 1e-7, quadratic)
    #expect(search.minimize(&other, &emptied, tolerance: 1e-7, quadratic) == cold)
    #expect(one == other)
  }

  @Test func `evaluations have a bound, and what is no number ends it`() {
    var point = [Float](repeating: 0, count: 20)
    let few = LimitedMemoryBFGS(metric: [Float](repeating: 1e-9, count: 20), mostEvaluations: 5)
    // The last of them may be followed by a step's twenty halvings.
    #expect(few.minimize(&point, tolerance: 1e-9, quadratic).evaluations <= 25)
    let other = LimitedMemoryBFGS(metric: [1])
    var one: [Float] = [0]
    #expect(other.minimize(&one, tolerance: 1e-9) { _, _ in .nan }.evaluations == 1)
  }
}
