import ArgumentParser
import Pipeline

/// Held-out figures of one or more runs.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Measure runs on the test documents: loss, exact match, and what the states are worth.")

  @OptionGroup var arguments: OptionArguments<EvaluateRequest>

  @Flag(help: "Print a line of JSON.")
  var json = false

  func run() throws {
    try arguments.options.run(StagePrinter(json: json))
  }
}
