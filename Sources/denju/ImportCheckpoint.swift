import Architectures
import ArgumentParser
import Foundation
import Generation
import Generators
import Identity
import Runs

/// Weights that were trained elsewhere become a run.
struct ImportCheckpoint: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-checkpoint",
    abstract: "Make a run of weights that were trained elsewhere, to generate and serve with.",
    discussion: """
      The published LLM Modules checkpoint and files of our own names read the source; a decoder's plain \
      weights become a run that reads none. Sizes come from the tensors; what they don't show, from the file's \
      metadata or these options, or else they are the paper's.
      """)

  @Argument(help: "A .safetensors file, or a Hugging Face folder of plain weights.")
  var path: String

  @Option(help: "The source whose states it reads.")
  var source: String

  @Option(name: .customLong("run"), help: "The run's folder to make.")
  var folder: String

  @Option(help: "A model whose tokenizer is the generator's; the source's otherwise.")
  var tokenizer: String?

  @Option(
    parsing: .unconditional,
    help: "The source's layer that it reads: 0 (embedding) to N, or from the end: -1 is N.")
  var layer = -1

  @Flag(help: "It reads the last layer's states before the final norm.")
  var beforeNorm = false

  @Option(help: "The chat template, by name, that its prompts were written with.")
  var template: String?

  @Option(help: "Attention heads of the generator.")
  var heads: Int?

  @Option(help: "Heads of the cross-attention.")
  var bridgeHeads: Int?

  @Option(help: "Positions that local layers see.")
  var window: Int?

  @Option(help: "causal, or published, which sees later states.")
  var mask: BridgeMask?

  func run() throws {
    var options = CheckpointImport.Options(path: path, source: source, run: folder)
    options.tokenizer = tokenizer
    options.layer = layer
    options.normalized = !beforeNorm
    options.template = template
    options.weights = ImportOptions(
      headCount: heads, bridgeHeadCount: bridgeHeads, windowSize: window, bridgeMask: mask)
    let (configuration, states) = try CheckpointImport(options).make()
    Terminal.message(
      "\(folder): \(configuration.conditioning.name) conditioning, \(configuration.backbone.family), "
        + "\(configuration.parameterCount()) parameters, states: \(states.rawValue)")
  }
}
