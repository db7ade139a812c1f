import Architectures
import ArgumentParser
import Corpora
import Foundation
import ModelFiles
import Numerics
import Tokenization

/// Stage one's speed beside its peers'.
struct BenchPrecompute: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precompute",
    abstract: "Measure how fast a source computes states, beside transformers and llama.cpp.",
    discussion: """
      All contenders run the same token ids, one after the other in every round; the table has the \
      medians. The first source runs every workload beside the peers; the others run one length. \
      Peers that are not installed are skipped by name. Run it in a checkout.
      """)

  @Option(
    help: "A source, folder or GGUF file; may be given again. The demo's and the bench's otherwise."
  )
  var source: [String] = []

  @Option(
    help: "Precisions of ours, separated by commas.",
    transform: Precision.list)
  var precision = Precision.allCases

  @Option(
    help: "Lengths of documents, separated by commas.",
    transform: { try BenchList.parse($0) { Int($0).flatMap { $0 > 0 ? $0 : nil } } })
  var lengths = [32, 128, 512, 2048]

  @Option(help: "Tokens that each workload has, about.")
  var tokens = 2048

  @Option(help: "Rounds, of which the median counts.")
  var rounds = 5

  @Option(help: "Rounds of the sources after the first.")
  var otherRounds = 3

  @Option(help: "The length that sources after the first run.")
  var otherLength = 512

  @Option(help: "The side of the largest matrix product, which stands for the machine's peak.")
  var product = MachinePeaks.productSize

  @Option(help: "The texts; GSM8K's where it lies beside the checkout, else the demo's.")
  var corpus: String?

  @Option(help: "A row that can't be used: fail, or skip it.")
  var badRows = BadRowPolicy.fail

  @Option(help: "A Python that has the peers.")
  var peers = ".build/peers/bin/python"

  @Option(help: "The folder with the peers' forms of the model, as make_models.py fills it.")
  var models = ".build/models/bench"

  @Option(help: "A file to write the tables to, in Markdown; standard output otherwise.")
  var out: String?

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  private static let defaultSource = ".build/models/smollm2-135m-instruct"
  private static let corpora = [
    "../shared/data/gsm8k/train.jsonl", "Pipelines/quickstart/train.jsonl",
  ]

  func validate() throws {
    guard rounds > 0, otherRounds > 0, tokens > 0, otherLength > 0, !lengths.isEmpty else {
      throw ValidationError("rounds, tokens and lengths have to be more than nothing")
    }
    guard (16...MachinePeaks.productSize).contains(product) else {
      throw ValidationError("--product \(product): 16 to \(MachinePeaks.productSize)")
    }
    guard max(tokens, otherLength) <= Workload.mostTokens else {
      throw ValidationError("tokens and lengths go up to \(Workload.mostTokens)")
    }
  }

  func run() throws {
    // A peer that ended is an error with its name, not a signal.
    signal(SIGPIPE, SIG_IGN)
    if let out {
      // Before half an hour of measuring, not after it.
      let folder = URL(fileURLWithPath: out).deletingLastPathComponent().path
      guard FileManager.default.isWritableFile(atPath: folder) else {
        throw BenchError.unwritable(file: out, folder: folder)
      }
    }
    let report = try measure()
    if let out {
      try report.markdown.write(toFile: out, atomically: true, encoding: .utf8)
      Terminal.message("bench: \(out)")
    }
    if json {
      try Terminal.json(report)
    } else if out == nil {
      Terminal.result(report.markdown)
    }
  }

  private func measure() throws -> BenchReport {
    // What is measured is this commit, whatever happens to the checkout meanwhile.
    let machine = BenchReport.Machine.current()
    let files = FileManager.default
    let paths = source.isEmpty ? defaultSources : source
    let first = try ModelFolder.open(paths[0])
    let sizes = try first.architecture()
    if let length = lengths.first(where: { $0 > sizes.maximumPositions }) {
      throw BenchError.tooLong(
        source: paths[0], length: length, maximumPositions: sizes.maximumPositions)
    }
    let corpus = try Corpus(
      corpus ?? Self.corpora.first(where: files.fileExists) ?? Self.corpora[1])
    let tokenizer = try Tokenizer.load(first)
    let workloads = try Workload.make(
      lengths: lengths, tokens: tokens, corpus: corpus, badRows: badRows, tokenizer: tokenizer,
      positions: sizes.maximumPositions)
    let settings = PeerSettings(
      python: files.isExecutableFile(atPath: peers) ? peers : nil, models: models,
      threads: ThreadTeam.shared.count)

    var peaks = MachinePeaks(side: product)
    let probe = ProbeMatrices(m: product, k: product, n: product)
    let (libraries, noLibraries) = settings.startLibraries()
    let products = try ProductRace(libraries: libraries, rounds: rounds, largest: product).run()

    let (rivals, noRivals) = settings.start(for: sizes)
    let contenders = try ours(first) + rivals
    let timings = try workloads.map { workload in
      try Race(workload: workload, contenders: contenders, rounds: rounds).run {
        peaks.probe(probe)
      }
    }
    let (others, noOthers) = try measureOthers(
      paths.dropFirst(),
      try Workload.make(
        lengths: [otherLength], tokens: tokens, corpus: corpus, badRows: badRows,
        tokenizer: tokenizer, positions: sizes.maximumPositions)[0]
    ) { peaks.probe(probe) }

    let versions =
      rivals.map { ($0.name, $0.version) } + libraries.map { ($0.name, $0.process.version) }
    return BenchReport(
      machine: machine, rounds: rounds, corpus: corpus.name,
      versions: Dictionary(versions) { $1 }, peaks: peaks,
      results: zip(workloads, timings).map {
        .init(source: first.name, $0, sizes, $1, peaks)
      },
      others: others.map { .init(source: $0.source, $0.workload, $0.sizes, $0.timings, peaks) },
      products: products, skipped: noLibraries + noRivals + noOthers)
  }

  /// The demo's source, and of the benchmark's own models those that are there.
  private var defaultSources: [String] {
    [Self.defaultSource]
      + ["smollm2-q8_0.gguf", "smollm2-bf16", "qwen2-small", "qwen2-1.5b"].map { "\(models)/\($0)" }
      .filter(FileManager.default.fileExists)
  }

  private func ours(_ folder: ModelFolder) throws -> [any Contender] {
    try precision.map { try OwnContender(folder, $0) }
  }

  private struct Other {
    let source: String
    let workload: Workload
    let sizes: any Architecture
    let timings: [BenchReport.Timing]
  }

  /// The same ids through each of the other sources. One that lacks some of those ids, or that
  /// can't be opened, is skipped by name.
  private func measureOthers(
    _ paths: ArraySlice<String>, _ workload: Workload, betweenRounds: () throws -> Void
  ) throws -> ([Other], [BenchReport.Skipped]) {
    let largest = workload.documents.joined().max() ?? 0
    var (others, skipped) = ([Other](), [BenchReport.Skipped]())
    for path in paths {
      do {
        let folder = try ModelFolder.open(path)
        let sizes = try folder.architecture()
        guard Int(largest) < sizes.vocabularySize, otherLength <= sizes.maximumPositions else {
          skipped.append(.init(name: path, reason: "its vocabulary or its positions are too few"))
          continue
        }
        let race = Race(workload: workload, contenders: try ours(folder), rounds: otherRounds)
        let timings = try race.run(betweenRounds: betweenRounds)
        others.append(
          Other(source: folder.name, workload: workload, sizes: sizes, timings: timings))
      } catch let code as ExitCode {
        throw code
      } catch {
        skipped.append(.init(name: path, reason: Failure.line(error)))
      }
    }
    return (others, skipped)
  }
}
