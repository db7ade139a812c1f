import Generation

/// Which prompts are answered, by which run, and how tokens are chosen.
public struct GenerateRequest: StageRequest {
  public static let stage = PipelineFile.Stage.generate

  public var answering = AnsweringOptions()
  public var sampling = SamplingOptions()
  public var special = false
  public var prompts: [String] = []

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] =
    AnsweringOptions.declarations.map { $0.inside(\.answering) } + [
      .option(
        "temperature", \.sampling.temperature, .numbers(from: .including(0)),
        help: "0 takes the likeliest token."),
      .option(
        "top-k", \.sampling.topK, .integers(from: 0),
        help: "Draw among this many likeliest tokens; 0: all."),
      .option(
        "top-p", \.sampling.topP, .numbers(from: .excluding(0), to: .including(1)),
        help: "Draw among the fewest likeliest tokens of this probability together."),
      .option(
        "repetition-penalty", \.sampling.repetitionPenalty, .numbers(from: .excluding(0)),
        help: "Makes tokens that were generated less likely; 1: not."),
      .option(
        "beams", \.sampling.beams, .integers(from: 1, to: SamplingOptions.mostBeams),
        help:
          "Paths that a search for the likeliest whole answer follows; 1 takes token after token."),
      .option(
        "max-new-tokens", \.sampling.maxTokens, .integers(from: 1),
        help: "Most tokens to generate."),
      .list(
        "stop", \.sampling.stop, .text,
        help: "A string that ends the answer; may be given again."),
      .option("seed", \.sampling.seed, help: "Seeds the draws."),
      .flag(
        "special", \.special,
        help: "Let special tokens spelled in a plain prompt be those tokens."),
      .list(
        "prompt", \.prompts, .text, isRequiredInFile: true,
        help: "A prompt; may be given again."),
    ]

  public func validate() throws { try answering.validate() }

  public func checkRanges() throws { try sampling.validate() }
}
