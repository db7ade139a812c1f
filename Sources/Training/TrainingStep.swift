import FeatureCache
import Foundation
import Generators
import Layers
import Numerics
import Runs

/// One step of training: the gradients of a batch's mean loss, clipped, and AdamW with a learning rate a
/// group. What a step does follows from the parameters, the moments and the step's number alone.
struct TrainingStep {
  private let options: TrainingOptions
  private let rules: RunRules
  private let objective: any Objective
  private let communicator: any Communicator
  private let order: StepOrder
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

  init(
    _ options: TrainingOptions, _ rules: RunRules, _ objective: any Objective,
    _ communicator: any Communicator, _ order: StepOrder
  ) {
    let total = order.stepsOfEpoch * options.epochs
    self.options = options
    self.rules = rules
    self.objective = objective
    self.communicator = communicator
    self.order = order
    schedule = LearningRateSchedule(
      warmupSteps: Int((options.warmup * Double(total)).rounded()), totalSteps: total,
      floor: Float(options.finalRate))
  }

  /// - Parameters:
  ///   - number: of the step, from 0.
  ///   - indices: the step's examples.
  ///   - following: the next step's, which are read meanwhile.
  func run(
    _ number: Int, _ model: Generator, _ optimizer: AdamW, _ set: TrainingSet,
    _ reader: BatchReader, _ indices: ArraySlice<Int>, following: ArraySlice<Int>?
  ) throws -> Outcome {
    let parameters = model.parameters
    parameters.clearGradients()
    let parts = order.parts(indices)
    // Ranks take parts by turns, and all know how many tokens the whole step counts.
    let own = Array(parts.indices.filter { $0 % communicator.count == communicator.rank })
    let counted = try indices.reduce(0) { sum, index in
      let example = set.examples[index]
      let bare = GeneratorDocument(states: [], prompt: example.prompt, response: example.response)
      return try sum + objective.tokenCount(of: bare, model)
    }
    // The sums over parts: loss, tokens, then a gate each.
    var sums = [Double](repeating: 0, count: 2 + model.configuration.gateCount)
    for (turn, place) in own.enumerated() {
      let next = turn + 1 < own.count ? parts[own[turn + 1]] : following.flatMap(firstPart)
      var documents = try reader.documents(parts[place], next: next)
      StreamDropout(rate: options.streamDropout, seed: options.seed).apply(
        to: &documents, parts[place], step: number)
      let result = try objective.accumulate(
        documents, model,
        scale: 1 / Float(max(counted, 1)),
        dropout: dropout(
          pass: rules.passNumber(
            step: number, part: place, parts: parts.count, most: options.accumulate)))
      sums[0] += result.lossSum
      sums[1] += Double(result.tokenCount)
      let share = Double(parts[place].count) / Double(indices.count)
      for (layer, gate) in result.meanGates.enumerated() { sums[2 + layer] += Double(gate) * share }
    }
    try communicator.sum(parameters.gradients, count: parameters.count)
    try communicator.sum(&sums)
    var outcome = Outcome(
      lossSum: sums[0], tokenCount: Int(sums[1]), tokens: 0, gradientNorm: 0, rates: (0, 0),
      gates: Array(sums[2...]))
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

  /// The first part of a step that is this rank's.
  private func firstPart(of indices: ArraySlice<Int>) -> ArraySlice<Int>? {
    let parts = order.parts(indices)
    return parts.indices.contains(communicator.rank) ? parts[communicator.rank] : nil
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
