import ArgumentParser
import Foundation
import Pipeline

/// The command that runs the stages of a pipeline file.
struct PipelineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
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
    let stages = try PipelineStages(
      try PipelineFile(path: file), additions: seed.map { ["--seed", "\($0)"] } ?? [],
      StagePrinter(json: json)
    ) { (request, arguments) throws(SectionProblem) in
      try Self.read(request, arguments)
    }
    if plan { try stages.plan() } else { try stages.run() }
  }

  /// What a section asks for, read as its command reads its flags.
  private static func read<Request: StageRequest>(
    _ request: Request.Type, _ arguments: [String]
  ) throws(SectionProblem) -> any StageRequest {
    do {
      return try OptionArguments<Request>.parse(arguments).options
    } catch {
      throw SectionProblem(OptionArguments<Request>.message(for: error))
    }
  }
}
