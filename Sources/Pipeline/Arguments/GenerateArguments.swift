import ArgumentParser
import Generation

/// How tokens are chosen: of `generate`, and of a pipeline's `generate` section.
public struct SamplingArguments: ParsableArguments {
  @Option(help: "0 takes the likeliest token.")
  public var temperature: Float = 0

  @Option(help: "Draw among this many likeliest tokens; 0: all.")
  public var topK = 0

  @Option(help: "Draw among the fewest likeliest tokens of this probability together.")
  public var topP: Float = 1

  @Option(help: "Makes tokens that were generated less likely; 1: not.")
  public var repetitionPenalty: Float = 1

  @Option(help: "Most tokens to generate.")
  public var maxNewTokens = 128

  @Option(help: "A string that ends the answer; may be given again.")
  public var stop: [String] = []

  @Option(help: "Seeds the draws.")
  public var seed: UInt64 = 0

  public init() {}

  public func options() throws -> SamplingOptions {
    let options = SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, repetitionPenalty: repetitionPenalty,
      maxTokens: maxNewTokens, stop: stop, seed: seed)
    try options.validate()
    return options
  }
}

/// The run to generate with, and where its cache and source are.
public struct RunArguments: ParsableArguments {
  @Option(help: "The folder of a training run.")
  public var run: String

  @Option(help: "The cache to take states from; the run's own otherwise.")
  public var cache: String?

  @Option(help: "The source to compute missing states with; where it was, otherwise.")
  public var source: String?

  @Flag(help: "Use no cache: compute every prompt's states.")
  public var noCache = false

  @Flag(help: "Store states that had to be computed.")
  public var store = false

  public init() {}

  public func place(store: Bool? = nil) -> TextGenerator.Place {
    TextGenerator.Place(
      run: run, cache: cache, source: source, usesCache: !noCache, stores: store ?? self.store)
  }
}

/// What `generate` takes.
public struct GenerateArguments: ParsableArguments {
  @OptionGroup public var place: RunArguments
  @OptionGroup public var sampling: SamplingArguments

  @Flag(help: "Let special tokens spelled in a plain prompt be those tokens.")
  public var special = false

  @Option(help: "A prompt; may be given again.")
  public var prompt: [String] = []

  public init() {}
}
