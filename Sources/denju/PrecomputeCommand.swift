import ArgumentParser
import Pipeline

/// Stage one: a corpus through the frozen source, into the cache.
struct PrecomputeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precompute",
    abstract: "Run the source over a corpus and store its hidden states.",
    discussion: """
      What is stored already is not computed again, so a run that was ended goes on where it was.
      """)

  @OptionGroup var arguments: OptionArguments<PrecomputeRequest>

  @Flag(
    help: "Say what there is to do and how long and large it will be; a sample runs for seconds.")
  var plan = false

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  func run() throws {
    let request = arguments.options
    let printer = StagePrinter(json: json)
    if plan {
      try printer.receive(.precomputePlanned(try request.plan(printer)))
    } else {
      let report = try request.run(
        settings: CommandLine.arguments.dropFirst().joined(separator: " "), printer)
      if json { try Terminal.json(report) }
    }
  }
}
