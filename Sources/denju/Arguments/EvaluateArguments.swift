import ArgumentParser
import Evaluation

/// What `evaluate` takes, as flags and as the keys of a pipeline's section.
struct EvaluateArguments: ParsableArguments {
  @Option(help: "The folder of a training run; given again, a row each in one table.")
  var run: [String]

  @Option(help: "The cache with the test documents; the first run's own otherwise.")
  var cache: String?

  @Option(help: "The source, for --few-shot and for aligned runs; where it was, otherwise.")
  var source: String?

  @Option(help: "Also ask the source itself, shown this many training documents.")
  var fewShot = 0

  @Option(help: "At most this many test documents.")
  var limit: Int?

  @Option(help: "Most tokens of an answer.")
  var maxNewTokens = 32

  @Option(help: "The run that the others are compared with; the first otherwise.")
  var baseline: String?

  @Flag(help: "aligned: also the loss when fed as in decoding, with the states so far alone.")
  var freeRunning = false

  @Flag(help: "Measure losses alone; generate no answers.")
  var lossOnly = false

  @Option(help: "Seeds the baselines' pairing and the bootstrap.")
  var seed: UInt64 = 0

  init() {}

  func options() -> EvaluationOptions {
    var options = EvaluationOptions(runs: run)
    options.cache = cache
    options.source = source
    options.fewShot = fewShot
    options.limit = limit
    options.maxNewTokens = maxNewTokens
    options.baseline = baseline
    options.freeRunning = freeRunning
    options.answers = !lossOnly
    options.seed = seed
    return options
  }
}
