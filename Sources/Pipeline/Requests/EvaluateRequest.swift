import Evaluation
import Generation

/// Which runs are measured, and how.
public struct EvaluateRequest: StageRequest {
  public static let stage = PipelineFile.Stage.evaluate

  public var options = EvaluationOptions(runs: [])

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] = [
    .list(
      "run", \.options.runs, .text, isRequired: true,
      help: "The folder of a training run; given again, a row each in one table."),
    .option(
      "cache", \.options.cache, .text,
      help: "The cache with the test documents; the first run's own otherwise."),
    .list(
      "source", \.options.sources, .text,
      help:
        "The source, for --few-shot and for aligned runs; where it was, otherwise. Given again, for "
        + "each of several sources."),
    .list(
      "without-stream", \.options.leftOut, .integers(from: 1),
      help: "Also measure the runs without this one of their streams; given again, without another."
    ),
    .option(
      "few-shot", \.options.fewShot, .integers(from: 0),
      help: "Also ask the source itself, shown this many training documents."),
    .option(
      "limit", \.options.limit, .integers(from: 1), help: "At most this many test documents."),
    .option(
      "beams", \.options.beams, .integers(from: 1, to: SamplingOptions.mostBeams),
      help:
        "Paths that a search for the likeliest whole answer follows; 1 takes token after token."),
    .option(
      "max-new-tokens", \.options.maxNewTokens, .integers(from: 1),
      help: "Most tokens of an answer."),
    .option(
      "baseline", \.options.baseline, .text,
      help: "The run that the others are compared with; the first otherwise."),
    .flag(
      "free-running", \.options.freeRunning,
      help: "aligned: also the loss when fed as in decoding, with the states so far alone."),
    .flag(
      "loss-only", \.options.answers, sets: false,
      help: "Measure losses alone; generate no answers."),
    .option(
      "seed", \.options.seed, help: "Seeds the baselines' pairing and the bootstrap."),
  ]

  public func checkRanges() throws { try options.validate() }
}
