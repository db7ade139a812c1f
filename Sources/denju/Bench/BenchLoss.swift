import Architectures
import ArgumentParser
import Corpora
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// What a precision costs: the source's own loss on a text, paired with float32's.
struct BenchLoss: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loss",
    abstract: "Measure a source's loss on a corpus in each precision, paired with float32's.",
    discussion: """
      A document is "Question: PROMPT\\nAnswer: RESPONSE" and is predicted from its second token on. \
      The difference's standard error is over documents.
      """)

  @Option(help: "The source: a Hugging Face folder or a GGUF file.")
  var source: String

  @Option(help: "The documents.")
  var corpus: String

  @Option(help: "A row that can't be used: fail, or skip it.")
  var badRows = BadRowPolicy.fail

  @Option(help: "Tokens to predict, at least; the last document is whole.")
  var tokens = 50_000

  @Option(
    help: "Precisions to compare with float32, separated by commas.",
    transform: Precision.list)
  var precision = Precision.allCases.filter { $0 != .float32 }

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  struct Report: Codable {
    struct Arm: Codable {
      let precision: String
      /// The mean negative log-likelihood in nats a token.
      let loss: Double
      /// This loss minus float32's, paired by document.
      let difference: PairedDifference
    }

    let source: String
    let documents: Int
    let tokens: Int
    let loss: Double
    let arms: [Arm]
  }

  func validate() throws {
    guard tokens > 0 else { throw ValidationError("--tokens has to be more than nothing") }
  }

  func run() throws {
    let folder = try ModelFolder.open(source)
    let documents = try BenchText.documents(
      corpus, badRows, tokens: tokens, tokenizer: try Tokenizer.load(folder),
      most: try folder.architecture().maximumPositions)
    let reference = try losses(of: documents, folder, .float32)
    let counts = documents.map { $0.count - 1 }
    let total = counts.reduce(0, +)
    let arms = try precision.map { precision in
      let losses = try losses(of: documents, folder, precision)
      return Report.Arm(
        precision: precision.rawValue, loss: losses.reduce(0, +) / Double(total),
        difference: PairedDifference(zip(losses, reference).map(-), counts: counts))
    }
    let report = Report(
      source: folder.name, documents: documents.count, tokens: total,
      loss: reference.reduce(0, +) / Double(total), arms: arms)
    if json { try Terminal.json(report) } else { Self.show(report) }
  }

  /// Each document's loss in nats, summed over its tokens.
  private func losses(
    of documents: [[Int32]], _ folder: ModelFolder, _ precision: Precision
  ) throws -> [Double] {
    let source = try DecoderSource(folder, precision: precision)
    let bar = ProgressBar("loss, \(precision.rawValue)", unit: "documents")
    return try documents.enumerated().map { index, ids in
      try Interruption.check()
      bar.update(index + 1, of: documents.count)
      return try source.losses(of: ids).reduce(0) { $0 + Double($1) }
    }
  }

  private static func show(_ report: Report) {
    Terminal.result(
      "\(report.source): \(report.tokens) tokens of \(report.documents) documents")
    var table = TextTable(["precision", "nats a token", "minus float32", "standard error"])
    func nats(_ value: Double) -> String { String(format: "%.5f", value) }
    table.add(["float32", nats(report.loss), "-", "-"])
    for arm in report.arms {
      table.add([
        arm.precision, nats(arm.loss), nats(arm.difference.mean),
        arm.difference.standardError.map(nats) ?? "-",
      ])
    }
    Terminal.result(table.text)
  }
}
