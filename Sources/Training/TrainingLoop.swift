import FeatureCache
import Foundation
import Generators
import Layers
import Numerics
import Runs

/// Training from where a run stands to its end, or to where it is stopped.
struct TrainingLoop {
  let model: Generator
  let optimizer: AdamW
  let training: TrainingSet
  let validation: TrainingSet?
  let folder: RunFolder
  let options: TrainingOptions
  var state: TrainingState
  /// One rank's alone.
  let log: TrainingLog?
  private let objective: any Objective
  private let communicator: any Communicator
  private let step: TrainingStep
  private let reader: BatchReader
  private let order: StepOrder
  private var lastCheckpoint = ContinuousClock.now

  init(
    model: Generator, optimizer: AdamW, training: TrainingSet, validation: TrainingSet?,
    folder: RunFolder, options: TrainingOptions, rules: RunRules, objective: any Objective,
    communicator: any Communicator, state: TrainingState, log: TrainingLog?
  ) {
    self.model = model
    self.optimizer = optimizer
    self.training = training
    self.validation = validation
    self.folder = folder
    self.options = options
    self.state = state
    self.log = log
    order = StepOrder(count: training.examples.count, options)
    self.objective = objective
    self.communicator = communicator
    reader = BatchReader(training)
    step = TrainingStep(
      options, rules, objective, communicator, order)
  }

  mutating func run(
    progress: (Trainer.Progress) -> Void, shouldStop: () -> Bool
  ) throws -> TrainingReport {
    let wasFinished = state.finished
    let stepsOfEpoch = order.stepsOfEpoch
    let total = stepsOfEpoch * options.epochs
    while !state.finished {
      let epoch = state.step / stepsOfEpoch
      let documents = order.order(of: epoch)
      for place in (state.step % stepsOfEpoch)..<stepsOfEpoch {
        let began = ContinuousClock.now
        let outcome = try step.run(
          state.step, model, optimizer, training, reader, order.batch(place, of: documents),
          following: place + 1 < stepsOfEpoch ? order.batch(place + 1, of: documents) : nil)
        let seconds = began.duration(to: .now).inSeconds
        count(outcome, seconds: seconds)
        let endsEpoch = place == stepsOfEpoch - 1
        let validationLoss = endsEpoch ? try closeEpoch(epoch) : nil
        let entry = TrainingLog.Entry(
          step: state.step, epoch: epoch + 1,
          loss: outcome.lossSum / Double(max(outcome.tokenCount, 1)),
          bridgeRate: outcome.rates.bridge, generatorRate: outcome.rates.generator,
          gradientNorm: outcome.gradientNorm,
          tokensPerSecond: Double(outcome.tokens) / max(seconds, 1e-9),
          validationLoss: validationLoss, gates: outcome.gates,
          streamScales: model.streamScales.map { $0.map { Double($0) } })
        try log?.append(entry)
        progress(
          Trainer.Progress(
            step: state.step, steps: total, epoch: epoch + 1, loss: entry.loss,
            validationLoss: validationLoss, tokensPerSecond: entry.tokensPerSecond))
        let stops = shouldStop() && !state.finished
        let isDue = lastCheckpoint.duration(to: .now).inSeconds >= options.checkpointSeconds
        if (state.finished || stops || isDue) && communicator.rank == 0 {
          try TrainingCheckpoint(folder.last).write(model, optimizer, state)
          lastCheckpoint = .now
        }
        if stops { return report(interrupted: true, wasFinished: false) }
      }
    }
    return report(interrupted: false, wasFinished: wasFinished)
  }

  private mutating func count(_ outcome: TrainingStep.Outcome, seconds: Double) {
    state.step += 1
    if state.firstLoss == nil {
      state.firstLoss = outcome.lossSum / Double(max(outcome.tokenCount, 1))
    }
    state.epochLoss += outcome.lossSum
    state.epochTokens += outcome.tokenCount
    state.tokens += outcome.tokens
    state.seconds += seconds
  }

  /// Validates, keeps the best weights, and decides whether training goes on.
  private mutating func closeEpoch(_ epoch: Int) throws -> Double? {
    state.trainLoss = state.epochLoss / Double(max(state.epochTokens, 1))
    (state.epochLoss, state.epochTokens) = (0, 0)
    state.finished = epoch + 1 >= options.epochs
    guard let validation else {
      // Without a validation set the latest weights are the best known.
      if state.finished { try keepBest() }
      return nil
    }
    let loss = try reader.paused {
      try HeldOut.loss(model, validation, objective, batch: options.batch)
    }
    if let best = state.bestLoss, loss > best - options.minimumGain {
      state.epochsWithoutGain += 1
      if options.patience > 0, state.epochsWithoutGain >= options.patience { state.finished = true }
    } else {
      state.epochsWithoutGain = 0
    }
    if loss < state.bestLoss ?? .infinity {
      state.bestLoss = loss
      try keepBest()
    }
    return loss
  }

  /// Puts the weights of now in the best ones' place; the first rank does, for all.
  private func keepBest() throws {
    guard communicator.rank == 0 else { return }
    try TrainingCheckpoint(folder.best).write(model, nil, state)
  }

  private func report(interrupted: Bool, wasFinished: Bool) -> TrainingReport {
    TrainingReport(
      run: folder.path, steps: state.step, epochs: state.step / max(order.stepsOfEpoch, 1),
      firstLoss: state.firstLoss, trainLoss: state.trainLoss, bestValidationLoss: state.bestLoss,
      tokens: state.tokens, seconds: state.seconds,
      parameters: model.parameters.trainedParameterCount,
      interrupted: interrupted, wasFinished: wasFinished)
  }
}

/// The loss on documents that are not trained on.
enum HeldOut {
  /// Nats a token over all of a set.
  static func loss(
    _ model: Generator, _ set: TrainingSet, _ objective: any Objective, batch: Int
  ) throws -> Double {
    var (sum, tokens) = (0.0, 0)
    for first in stride(from: 0, to: set.examples.count, by: batch) {
      let documents = try set.documents(first..<min(first + batch, set.examples.count))
      let result = try objective.evaluate(documents, model)
      sum += result.lossSum
      tokens += result.tokenCount
    }
    return sum / Double(max(tokens, 1))
  }
}
