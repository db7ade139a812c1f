import ArgumentParser
import FeatureCache
import Probing

/// Which reading carries the answer, before anything is trained.
struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Say which streams of a cache carry the answer: linear read-outs, nothing trained.",
    discussion: """
      For every stream and every pair of them, the response is read out of the prompt's states by \
      multinomial logistic regression, fitted on the training rows; how strong its penalty is, \
      cross-validation among them decides. Beside it stand what chance, the commonest answer and the \
      prompt's bare tokens give.
      """)

  @Option(help: "The cache.")
  var cache: String

  @Option(help: "A stream to read, as cache_by_source numbers them; all of them otherwise.")
  var stream: [Int] = []

  @Option(help: "The set to score on: validation or test.")
  var set = DocumentSplit.validation

  @Option(
    help:
      "What to read out: label, the whole response, or first-token; otherwise label where responses recur."
  )
  var target: String?

  @Option(help: "What to read of the states: mean, last and both, separated by commas.")
  var features = ProbeFeature.all.map(\.name).joined(separator: ",")

  @Option(help: "At most this many rows of a set, drawn by the seed.")
  var limit = 10_000

  @Option(help: "Seed of the folds of the cross-validation.")
  var seed: UInt64 = 0

  @Flag(help: "Print a line of JSON a row, and one of what was asked.")
  var json = false

  func validate() throws {
    try Usage.require { try options().validate() }
  }

  private func options() throws -> ProbeOptions {
    var options = ProbeOptions(cache: cache)
    options.streams = stream
    options.scored = set
    options.target = try target.map { try ProbeTarget.named($0) }
    options.features = try ProbeFeature.named(features)
    options.limit = limit
    options.seed = seed
    return options
  }

  func run() throws {
    let probe = try Probe(try options())
    let bar = ProgressBar("probe", unit: "read-outs")
    let report = try probe.run { done, total in
      try Interruption.check()
      bar.update(done, of: total)
    }
    if json { return try Self.printLines(report) }
    Terminal.result(report.table)
    Terminal.result("")
    for line in report.remarks { Terminal.result(line) }
  }

  /// Readings, baselines and the question, each with what it is.
  private static func printLines(_ report: ProbeReport) throws {
    for reading in report.readings { try Terminal.json(["reading": reading]) }
    for baseline in report.baselines { try Terminal.json(["baseline": baseline]) }
    try Terminal.json(["question": report.question])
  }
}
