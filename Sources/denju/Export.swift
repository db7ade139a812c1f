import ArgumentParser
import Foundation
import Generation

/// A run's generator as a model that other programs open.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a run's generator, without what reads the source, as a Hugging Face folder.",
    discussion: "Low-rank additions are merged into the weights.")

  @Option(name: .customLong("run"), help: "The folder of a training run.")
  var folder: String

  @Option(help: "The folder to write; it must not be there.")
  var out: String

  @Option(
    help: "A model to take the tokenizer's files from; where the weights came from, otherwise.")
  var tokenizer: String?

  func run() throws {
    let report = try ModelExport(run: folder, out: out, tokenizer: tokenizer).write()
    let files =
      report.tokenizerFiles.isEmpty
      ? "no tokenizer's files: name its model with --tokenizer"
      : report.tokenizerFiles.joined(separator: ", ")
    Terminal.message("\(out): \(report.family), \(report.tensors) tensors; \(files)")
  }
}
