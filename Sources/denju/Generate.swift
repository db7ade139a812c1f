import ArgumentParser
import Foundation
import Generation
import Tokenization

/// Stage three: answers on the terminal.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer prompts with a trained generator.",
    discussion: """
      The answer goes to stdout as it grows. What it took, and whether the source's states were reused \
      or recomputed, goes to stderr.
      """)

  @OptionGroup var arguments: GenerateArguments

  @Flag(help: "Print a line of JSON an answer, once it is whole.")
  var json = false

  @Argument(help: "The prompt; - reads it from standard input.")
  var words: [String] = []

  func run() throws {
    var prompts = arguments.prompt
    if !words.isEmpty { prompts.append(try TextArgument.read(words)) }
    guard !prompts.isEmpty else { throw ValidationError("there is no prompt") }
    try Self.perform(arguments, prompts: prompts, json: json)
  }

  static func perform(_ arguments: GenerateArguments, prompts: [String], json: Bool) throws {
    let sampling = try arguments.sampling.options()
    let generator = try TextGenerator(arguments.place.place()) { Terminal.note("generate: \($0)") }
    for prompt in prompts {
      if prompts.count > 1, !json { Terminal.result("> \(prompt)") }
      let result = try generator.generate(.raw(prompt), sampling, special: arguments.special) {
        text in
        if !json { Terminal.part(text) }
        return !Interruption.isAsked
      }
      if json { try Terminal.json(result) } else { Terminal.result("") }
      Terminal.note(summary(result))
      if Interruption.isAsked { throw ExitCode(Interruption.exitStatus) }
    }
  }

  private static func summary(_ result: GenerationResult) -> String {
    String(
      format:
        "states of %d tokens %@ in %.1f ms, prefill %.1f ms, %d tokens in %.1f ms (%.0f tokens/s), %@",
      result.promptTokens, result.states.rawValue, 1000 * result.statesSeconds,
      1000 * result.prefillSeconds, result.tokens, 1000 * result.decodeSeconds,
      result.tokensPerSecond, "ended by \(result.finish.rawValue)")
  }
}
