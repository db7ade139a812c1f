import Corpora
import FeatureCache
import Generators
import Identity
import Precompute
import Training

/// A source, its corpus, a cache and a generator trained from it, called `run`: the stages of
/// `Workshop.prepare`, in this process.
package final class TinyRun {
  package let workshop: Workshop

  /// What the corpus's rows are.
  package enum Form: String, CaseIterable, Sendable { case plain, messages }

  package var path: String { workshop.path("run") }

  package init(
    _ conditioning: String = PromptConditioning.name, _ form: Form = .plain
  ) throws {
    workshop = try Workshop()
    if form == .messages { try workshop.writeConversations() }
    func corpus(_ name: String) throws -> Corpus { try Corpus(workshop.path(name + ".jsonl")) }
    var precomputing = PrecomputeOptions(
      source: workshop.source.path, cache: workshop.cache,
      corpus: .files(
        train: try corpus("train"), validation: try corpus("validation"), test: try corpus("test"),
        leaks: .refuse))
    precomputing.coverage = conditioning == AlignedConditioning.name ? .document : .prompt
    _ = try Precompute(precomputing).run { _, _ in
    } shouldStop: {
      false
    }
    var options = TrainingOptions()
    options.epochs = 12
    options.batch = 4
    options.bridgeLearningRate = 0.01
    options.generatorLearningRate = 0.01
    let design = GeneratorDesign(
      conditioning: conditioning, pretrained: nil, layers: 2, width: 32, heads: 4, positions: 192,
      window: 16, adapter: 8, bridgeHeads: 4, bridgeLayers: 2, middleWidth: nil, mask: .causal,
      generatorPrompt: .all)
    let trainer = try Trainer(
      cache: workshop.cache, run: path, design: design, options: options)
    _ = try trainer.run(resume: false) { _ in
    } shouldStop: {
      false
    }
  }
}
