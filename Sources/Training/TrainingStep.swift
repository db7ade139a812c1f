import FeatureCache
import Foundation
import Generators
import Layers
import Numerics

/// One step of training: the gradients of a batch's mean loss, clipped, and AdamW with a learning rate a
/// group. What a step does follows from the parameters, the moments and the step's number alone.
struct TrainingStep {
  private let options: TrainingOptions
  private let schedule: LearningRateSchedule

  struct Outcome {
    var lossSum: Double
    var tokenCount: Int
    /// How many rows of the documents went through the generator.
    var tokens: Int
    var gradientNorm: Double
    var rates: (bridge: Double, generator: Double)
    var gates: [Double]
  }

  init(_ options: TrainingOptions, stepsOfAllEpochs total: Int) {
    self.options = options
    schedule = LearningRateSchedule(
      warmupSteps: Int((options.warmup * Double(total)).rounded()), totalSteps: total,
      floor: Float(options.finalRate))
  }

  /// - Parameter number: of the step, from 0.
  func take(
    _ number: Int, _ model: Generator, _ optimizer: AdamW, _ set: TrainingSet,
    _ indices: ArraySlice<Int>
  ) throws -> Outcome {
    let parameters = model.parameters
    parameters.clearGradients()
    let parts = split(indices)
    let counted = try indices.reduce(0) { sum, index in
      let example = set.examples[index]
      let bare = GeneratorDocument(states: [[]], prompt: example.prompt, response: example.response)
      return try sum + model.lossTokenCount(of: bare, loss: options.loss)
    }
    var outcome = Outcome(
      lossSum: 0, tokenCount: 0, tokens: 0, gradientNorm: 0, rates: (0, 0), gates: [])
    for (place, part) in parts.enumerated() {
      let result = try model.forwardBackward(
        try set.documents(part), loss: options.loss, lossScale: 1 / Float(max(counted, 1)),
        dropout: dropout(pass: number * parts.count + place))
      outcome.lossSum += result.lossSum
      outcome.tokenCount += result.tokenCount
      let share = Double(part.count) / Double(indices.count)
      if outcome.gates.isEmpty { outcome.gates = result.meanGates.map { _ in 0 } }
      for (layer, gate) in result.meanGates.enumerated() {
        outcome.gates[layer] += Double(gate) * share
      }
    }
    for index in indices {
      outcome.tokens += set.examples[index].prompt.count + set.examples[index].response.count
    }
    let mean = outcome.lossSum / Double(max(outcome.tokenCount, 1))
    outcome.gradientNorm = GradientClipping.norm(parameters.gradients, count: parameters.count)
    guard mean.isFinite, outcome.gradientNorm.isFinite else {
      throw TrainingError.diverged(step: number + 1, loss: Float(mean))
    }
    let factor = Double(schedule.factor(at: number))
    outcome.rates = (
      options.bridgeLearningRate * factor, options.generatorLearningRate * factor
    )
    optimizer.step(
      parameters.values, parameters.gradients,
      groups: [
        AdamW.Group(range: parameters.range(of: .bridge), learningRate: outcome.rates.bridge),
        AdamW.Group(range: parameters.range(of: .generator), learningRate: outcome.rates.generator),
      ],
      gradientScale: GradientClipping.scale(norm: outcome.gradientNorm, limit: options.clip))
    return outcome
  }

  /// The step's documents in `accumulate` parts of about one size.
  private func split(_ indices: ArraySlice<Int>) -> [ArraySlice<Int>] {
    let size = (indices.count + options.accumulate - 1) / options.accumulate
    return stride(from: indices.startIndex, to: indices.endIndex, by: max(size, 1)).map {
      indices[$0..<min($0 + size, indices.endIndex)]
    }
  }

  private func dropout(pass: Int) -> DropoutPlan? {
    guard options.dropout > 0 || options.bridgeDropout > 0 else { return nil }
    let rate = Float(options.dropout)
    return DropoutPlan(
      rates: DropoutRates(
        embedding: rate, residual: rate, selfAttention: rate,
        crossAttention: Float(options.bridgeDropout)),
      seed: options.seed, step: UInt64(pass))
  }
}
