import Architectures
import ArgumentParser
import Evaluation
import FeatureCache
import Foundation
import Runs
import ModelFiles
import Pipeline
import Precompute
import Training

/// All stages of a pipeline file; what is done already is not done again.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the stages of a pipeline file.",
    discussion: "A stage that is done is not done again; one that was ended goes on.")

  @Argument(help: "The pipeline file, as Pipelines/quickstart.yaml.")
  var file: String

  @Flag(help: "Say what precomputing and training will take; a sample runs for seconds.")
  var plan = false

  @Flag(help: "Print results as lines of JSON.")
  var json = false

  @Option(help: "Wins over the file's seed.")
  var seed: UInt64?

  func run() throws {
    let pipeline = try PipelineFile(path: file)
    let flags = seed.map { ["--seed", "\($0)"] } ?? []
    // A mistake in a later section ends the run before an hour of an earlier one.
    for step in pipeline.steps { try check(step, pipeline, flags) }
    if plan { return try showPlan(pipeline, flags) }
    var rates = StageRates()
    for step in pipeline.steps { try perform(step, pipeline, flags, &rates) }
  }

  /// What precomputing and training will take; no stage is run.
  private func showPlan(_ pipeline: PipelineFile, _ flags: [String]) throws {
    var trainingTokens = 0
    var sourceWidth = 0
    var vocabulary = 0
    for step in pipeline.steps {
      switch step.stage {
      case .precompute:
        let arguments = try parsed(PrecomputeCommand.self, step, pipeline, flags).arguments
        let plan = try PrecomputeCommand.plan(arguments)
        let configuration = try ModelFolder.open(arguments.source).architecture()
        (sourceWidth, vocabulary) = (configuration.width, configuration.vocabularySize)
        trainingTokens = plan.trainingTokens
        try PrecomputeCommand.show(plan, json: json)
      case .train where trainingTokens > 0:
        let arguments = try parsed(Train.self, step, pipeline, flags).arguments
        let plan = try TrainingPlan(
          arguments.run, arguments.design(), arguments.options(), tokens: trainingTokens,
          sourceWidth: sourceWidth, vocabularySize: vocabulary,
          operationsPerSecond: MatrixProbe.operationsPerSecond())
        if json { try Terminal.json(plan) } else { Terminal.result(Self.text(plan)) }
      default: break
      }
    }
  }

  private static func text(_ plan: TrainingPlan) -> String {
    String(
      format:
        "train %@: %d parameters, %d tokens in %d epochs, %.3g floating-point operations, about %@",
      plan.run, plan.parameters, plan.tokens, plan.epochs, plan.floatingPointOperations,
      ProgressBar.duration(plan.seconds))
  }

  private func check(
    _ step: PipelineFile.Step, _ pipeline: PipelineFile, _ flags: [String]
  ) throws {
    switch step.stage {
    case .precompute: _ = try parsed(PrecomputeCommand.self, step, pipeline, flags)
    case .train:
      try parsed(Train.self, step, pipeline, flags).arguments.options().validate()
    case .evaluate: _ = try parsed(Evaluate.self, step, pipeline, flags)
    case .generate:
      _ = try parsed(Generate.self, step, pipeline, flags).arguments.sampling.options()
    }
  }

  private func perform(
    _ step: PipelineFile.Step, _ pipeline: PipelineFile, _ flags: [String],
    _ rates: inout StageRates
  ) throws {
    switch step.stage {
    case .precompute:
      let command = try parsed(PrecomputeCommand.self, step, pipeline, flags)
      let settings = (step.arguments + flags).joined(separator: " ")
      try PrecomputeCommand.perform(
        try Precompute(try command.arguments.options()), settings: settings)
    case .train:
      let command = try parsed(Train.self, step, pipeline, flags)
      let resumes = RunFolder(command.arguments.run).exists
      rates.addTraining(try Train.perform(command.arguments, resume: resumes))
    case .evaluate:
      let command = try parsed(Evaluate.self, step, pipeline, flags)
      let report = try EvaluationOfPipeline(command.arguments).report()
      if json { return try Terminal.json(report) }
      Evaluate.show(report)
      let cache = try FeatureCache.open(report.cache, stream: .first)
      defer { try? cache.close() }
      try rates.addPrecompute(cache)
      for arm in report.arms { rates.addDecoding(arm.name, arm.tokensPerSecond) }
      try rates.show(cache)
    case .generate:
      let command = try parsed(Generate.self, step, pipeline, flags)
      try Generate.perform(command.arguments, prompts: command.arguments.prompt, json: json)
    }
  }

  /// The section as its command parses it; what that refuses is told with the section's place.
  private func parsed<Command: ParsableCommand>(
    _ command: Command.Type, _ step: PipelineFile.Step, _ pipeline: PipelineFile, _ flags: [String]
  ) throws -> Command {
    do {
      return try Command.parse(step.arguments + flags)
    } catch {
      throw PipelineError.badSection(
        path: pipeline.path, line: step.line, section: step.stage.rawValue,
        problem: Command.message(for: error))
    }
  }
}
