import ArgumentParser
import Pipeline

/// Stage three: answers on the terminal.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer prompts with a trained generator.",
    discussion: """
      The answer goes to stdout as it grows. What it took, and whether the source's states were reused \
      or recomputed, goes to stderr.
      """)

  @OptionGroup var arguments: OptionArguments<GenerateRequest>

  @Flag(help: "Print a line of JSON an answer, once it is whole.")
  var json = false

  @Argument(help: "The prompt; - reads it from standard input.")
  var words: [String] = []

  func run() throws {
    var request = arguments.options
    if !words.isEmpty { request.prompts.append(try TextArgument.read(words)) }
    guard !request.prompts.isEmpty else { throw ValidationError("there is no prompt") }
    try request.run(StagePrinter(json: json))
  }
}
