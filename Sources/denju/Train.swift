import ArgumentParser
import Pipeline

/// Stage two: a generator from the cache.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a generator from the cache alone; the source is not needed.",
    discussion:
      "A run that was ended goes on with --resume, to the same bits as if it had not been.")

  @OptionGroup var arguments: OptionArguments<TrainRequest>

  @Flag(help: "Say how long the training will be and what memory it takes; nothing is trained.")
  var plan = false

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  func run() throws {
    let request = arguments.options
    let printer = StagePrinter(json: json)
    if plan {
      try printer.receive(.trainingPlanned(try request.plan(printer)))
    } else {
      let report = try request.run(resume: request.resume, printer)
      if json { try Terminal.json(report) }
    }
  }
}
