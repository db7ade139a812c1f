import ArgumentParser
import Generation

/// How tokens are chosen: of `generate`, and of a pipeline's `generate` section.
struct SamplingArguments: ParsableArguments {
  @Option(help: "0 takes the likeliest token.")
  var temperature: Float = 0

  @Option(help: "Draw among this many likeliest tokens; 0: all.")
  var topK = 0

  @Option(help: "Draw among the fewest likeliest tokens of this probability together.")
  var topP: Float = 1

  @Option(help: "Makes tokens that were generated less likely; 1: not.")
  var repetitionPenalty: Float = 1

  @Option(help: "Most tokens to generate.")
  var maxNewTokens = 128

  @Option(help: "A string that ends the answer; may be given again.")
  var stop: [String] = []

  @Option(help: "Seeds the draws.")
  var seed: UInt64 = 0

  init() {}

  func options() throws -> SamplingOptions {
    let options = SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty,
      maxTokens: maxNewTokens, stop: stop, seed: seed)
    try options.validate()
    return options
  }
}

/// The run to generate with, and where its cache and source are.
struct RunArguments: ParsableArguments {
  @Option(help: "The folder of a training run.")
  var run: String

  @Option(help: "The cache to take states from; the run's own otherwise.")
  var cache: String?

  @Option(help: "The source to compute missing states with; where it was, otherwise.")
  var source: String?

  @Flag(help: "Use no cache: compute every prompt's states.")
  var noCache = false

  @Flag(help: "Store states that had to be computed.")
  var store = false

  init() {}

  func validate() throws {
    guard !(noCache && store) else {
      throw ValidationError("--no-cache and --store contradict each other")
    }
  }

  func place(store: Bool? = nil) -> TextGenerator.Place {
    TextGenerator.Place(
      run: run, cache: cache, source: source, usesCache: !noCache, stores: store ?? self.store)
  }
}

/// What `generate` takes.
struct GenerateArguments: ParsableArguments {
  @OptionGroup var place: RunArguments
  @OptionGroup var sampling: SamplingArguments

  @Flag(help: "Let special tokens spelled in a plain prompt be those tokens.")
  var special = false

  @Option(help: "A prompt; may be given again.")
  var prompt: [String] = []

  init() {}
}
