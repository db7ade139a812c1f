import Architectures
import ArgumentParser
import Corpora
import Foundation
import ModelFiles
import Numerics
import Tokenization

/// Our kernels and OpenBLAS beside each other.
struct BenchEngines: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engines",
    abstract: "Measure our kernels beside OpenBLAS: matrix products and stage one.",
    discussion: """
      Each engine is a process of this program, with DENJU_SIMD as a user would set it; they take \
      turns. The table has medians over the rounds, and their ratio.
      """)

  @Option(help: "The source, folder or GGUF file.")
  var source = ".build/models/smollm2-135m-instruct"

  @Option(help: "The texts.")
  var corpus = "Pipelines/quickstart/train.jsonl"

  @Option(help: "The length of stage one's documents.")
  var length = 512

  @Option(help: "Tokens that stage one is measured on, about.")
  var tokens = 2048

  @Option(help: "Measure only the products whose name has this text.")
  var only: String?

  @Option(help: "Rounds, of which the median counts.")
  var rounds = 5

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  func validate() throws {
    guard rounds > 0, 1...Workload.mostTokens ~= tokens, 1...Workload.mostTokens ~= length else {
      throw ValidationError(
        "rounds, tokens and the length have to be more than nothing, and at most "
          + "\(Workload.mostTokens)")
    }
  }

  private struct Product: Encodable {
    let product: ProductShape
  }

  private struct Documents: Encodable {
    let documents: [[Int32]]
  }

  func run() throws {
    // A process that ended is an error with its name, not a signal.
    signal(SIGPIPE, SIG_IGN)
    let folder = try ModelFolder.open(source)
    let positions = try folder.architecture().maximumPositions
    guard length <= positions else {
      throw BenchError.tooLong(source: source, length: length, maximumPositions: positions)
    }
    let workload = try Workload.make(
      lengths: [length], tokens: tokens, corpus: Corpus(corpus), badRows: .fail,
      tokenizer: try Tokenizer.load(folder), positions: positions)[0]
    var (engines, skipped) = ([PeerProcess](), [BenchReport.Skipped]())
    for (name, level) in [("our kernels", "\(Numerics.instructionSet)"), ("OpenBLAS", "openblas")] {
      do {
        engines.append(try start(name, level))
      } catch BenchError.peer(_, let reason) {
        skipped.append(.init(name: name, reason: reason))
      }
    }
    let documents = Documents(documents: workload.documents)
    for engine in engines { _ = try engine.ask(documents, as: PeerContender.Seconds.self) }
    let shapes = ProductShape.all.filter { only.map($0.name.contains) ?? true }
    var rows = try shapes.map { shape in
      EnginesReport.Row(
        name: shape.name, kind: shape.kind.rawValue, size: "\(shape.m) × \(shape.k) × \(shape.n)",
        unit: "GFLOP/s", rates: try rates(engines, Product(product: shape), shape.operations / 1e9))
    }
    rows.append(
      .init(
        name: "stage one", kind: "source", size: "\(workload.name) tokens", unit: "tokens/s",
        rates: try rates(engines, documents, Double(workload.tokens))))
    let report = EnginesReport(
      machine: .current(), rounds: rounds, source: folder.name, engines: engines.map(\.name),
      rows: rows, skipped: skipped)
    if json { try Terminal.json(report) } else { Terminal.result(report.markdown) }
  }

  private func start(_ name: String, _ level: String) throws -> PeerProcess {
    try PeerProcess(
      named: name, program: "/proc/self/exe", arguments: ["bench", "engine", source],
      environment: ["DENJU_SIMD": level])
  }

  /// Each engine's median rate at `work` units.
  private func rates(
    _ engines: [PeerProcess], _ request: some Encodable, _ work: Double
  ) throws -> [Double] {
    var seconds = [[Double]](repeating: [], count: engines.count)
    for round in 0..<rounds {
      // Another goes first each time.
      for step in engines.indices {
        try Interruption.check()
        let index = (round + step) % engines.count
        let answer = try engines[index].ask(request, as: PeerContender.Seconds.self)
        seconds[index].append(answer.seconds)
      }
    }
    return seconds.map { work / BenchReport.median($0) }
  }
}

/// What `denju bench engines` found, as `--json` prints it.
struct EnginesReport: Encodable {
  struct Row: Encodable {
    let name: String
    /// How the operands lie: see `ProductShape.Kind`.
    let kind: String
    let size: String
    let unit: String
    /// By engine, in the order of `engines`.
    let rates: [Double]
  }

  let machine: BenchReport.Machine
  let rounds: Int
  let source: String
  let engines: [String]
  let rows: [Row]
  let skipped: [BenchReport.Skipped]

  var markdown: String {
    var table = MarkdownTable(
      ["what", "operands", "m × k × n", "unit"] + engines
        + engines.dropFirst().map { "\($0) ÷ \(engines[0])" })
    for row in rows {
      table.add(
        [row.name, row.kind, row.size, row.unit] + row.rates.map { String(format: "%.0f", $0) }
          + row.rates.dropFirst().map { String(format: "%.2f", $0 / row.rates[0]) })
    }
    let missing = skipped.map { "\n- not run: \($0.name): \($0.reason)" }.joined()
    return """
      # Engines

      - \(machine.date), commit \(machine.commit); \(machine.processor), \(machine.threads) threads; \
      our kernels: \(machine.instructionSet); \(source); medians of \(rounds) rounds\(missing)

      \(table.text)

      """
  }
}
