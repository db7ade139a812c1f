import CKernels
import Foundation
import Numerics
import TestSupport
import Testing

@Suite struct OptimizerTests {
  /// Against the update in float64, over steps, groups with rates of their own, and a ragged end.
  @Test func adamWAgreesWithDoublePrecision() {
    let count = 37
    let settings = AdamW.Settings(weightDecay: 0.1)
    let values = random(count, seed: 1)
    let optimizer = AdamW(count: count, settings: settings)
    let groups = [
      AdamW.Group(range: 0..<20, learningRate: 1e-2),
      AdamW.Group(range: 20..<35, learningRate: 1e-3),
    ]
    var truth = values.array().map(Double.init)
    var m = [Double](repeating: 0, count: count)
    var v = m
    for step in 1...20 {
      let g = random(count, seed: UInt64(step + 7))
      optimizer.step(values.base, g.base, groups: groups, gradientScale: 0.5)
      for group in groups {
        for i in group.range {
          let gradient = 0.5 * Double(g[i])
          let rate = group.learningRate
          m[i] = 0.9 * m[i] + 0.1 * gradient
          v[i] = 0.999 * v[i] + 0.001 * gradient * gradient
          truth[i] *= 1 - rate * 0.1
          let mean = m[i] / (1 - pow(0.9, Double(step)))
          truth[i] -= rate * mean / ((v[i] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8)
        }
      }
    }
    for i in 0..<count {
      // Twenty steps of at most 1e-2, each with a few roundings of a value of order 1.
      #expect(abs(Double(values[i]) - truth[i]) < 2e-6)
    }
    // What is in no group does not move.
    #expect(values[36] == random(count, seed: 1)[36])
  }

  @Test func everyInstructionSetTakesTheSameStep() {
    let results = [DENJU_PORTABLE, DENJU_AVX2, DENJU_AVX512].compactMap { level -> [UInt32]? in
      guard let table = denju_kernels_for(level)?.pointee else { return nil }
      let buffers = (1...4).map { random(37, seed: $0).array() }
      let values = FloatBuffer(buffers[0])
      let m = FloatBuffer(buffers[2])
      let v = FloatBuffer(buffers[3].map { abs($0) })
      var step = denju_adamw(
        scale: 0.3, beta1: 0.9, rest1: 0.1, beta2: 0.99, rest2: 0.01, decay: 0.999, rate: 0.01,
        root: 1.7, epsilon: 1e-8)
      table.adamw(37, values.base, buffers[1], m.base, v.base, &step)
      return (values.array() + m.array() + v.array()).bits
    }
    #expect(results.count == 3 && results.allSatisfy { $0 == results[0] })
  }

  @Test func theNormDoesNotDependOnThreads() {
    let x = random(100_003, seed: 1)
    let norm = GradientClipping.norm(x.base, count: x.count)
    let truth = x.array().reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(norm - truth) <= 1e-6 * truth)
    #expect(
      ThreadTeam.shared.limited(to: 1) { GradientClipping.norm(x.base, count: x.count) } == norm)
    #expect(GradientClipping.norm(x.base, count: 0) == 0)
  }

  @Test func clippingScalesDownAlone() {
    #expect(GradientClipping.scale(norm: 0.5, limit: 1) == 1)
    #expect(abs(GradientClipping.scale(norm: 4, limit: 1) - 0.25) < 1e-6)
    #expect(GradientClipping.scale(norm: 4, limit: nil) == 1)
  }

  @Test func theScheduleWarmsUpThenFalls() {
    let schedule = LearningRateSchedule(warmupSteps: 4, totalSteps: 12, floor: 0.1)
    #expect((0..<4).map(schedule.factor) == [0.25, 0.5, 0.75, 1])
    #expect(schedule.factor(at: 4) == 1)
    #expect(abs(schedule.factor(at: 8) - 0.55) < 1e-6)
    #expect(abs(schedule.factor(at: 12) - 0.1) < 1e-6)
    #expect(schedule.factor(at: 99) == schedule.factor(at: 12))
    let factors = (4...12).map(schedule.factor)
    #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 > $1 })
    let constant = LearningRateSchedule(shape: .constant, warmupSteps: 2, totalSteps: 10)
    #expect((0..<4).map(constant.factor) == [0.5, 1, 1, 1])
  }
}
