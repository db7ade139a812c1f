import ArgumentParser
import Foundation
import GenerationModule
import Pipeline
import Precompute

/// All stages of a pipeline file; what is done already is not done again.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the stages of a pipeline file.",
    discussion: "A stage that is done is not done again; one that was ended goes on.")

  @Argument(help: "The pipeline file, as Pipelines/quickstart.yaml.")
  var file: String

  @Flag(help: "Say what precomputing will take; compute nothing.")
  var plan = false

  @Flag(help: "Print lines of JSON for people's tables.")
  var json = false

  @Option(help: "Wins over the file's seed.")
  var seed: UInt64?

  func run() throws {
    let pipeline = try PipelineFile(path: file)
    let flags = seed.map { ["--seed", "\($0)"] } ?? []
    for step in pipeline.steps {
      if plan {
        if step.stage == .precompute {
          var command = try parsed(PrecomputeCommand.self, step, pipeline, flags + ["--plan"])
          command.json = json
          try command.run()
        }
        continue
      }
      try perform(step, pipeline, flags)
    }
  }

  private func perform(_ step: PipelineFile.Step, _ pipeline: PipelineFile, _ flags: [String]) throws {
    switch step.stage {
    case .precompute:
      let command = try parsed(PrecomputeCommand.self, step, pipeline, flags)
      let settings = (step.arguments + flags).joined(separator: " ")
      try PrecomputeCommand.perform(
        try Precompute(try command.arguments.options()), settings: settings)
    case .train:
      let command = try parsed(Train.self, step, pipeline, flags)
      try Train.perform(command.arguments, resume: RunFolder(command.arguments.run).exists)
    case .evaluate:
      let command = try parsed(Evaluate.self, step, pipeline, flags)
      let report = try EvaluationOfPipeline(command.arguments).report()
      if json { try Terminal.json(report) } else { Evaluate.show(report) }
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
