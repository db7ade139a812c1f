import Architectures
import Corpora
import FeatureCache
import Generation
import Generators
import Precompute
import TestSupport
import Training

/// All that the tests add, through the registries that stages are handed: a run of it, from the corpus to the
/// answer.
final class Extended {
  static let generators = GeneratorRegistries(
    architectures: .builtIn.adding(Ripple.self, Pond.self),
    conditionings: .builtIn.adding(MeanConditioning.self))
  static let codecs = CodecRegistry(
    CodecRegistry.builtIn.families + [UnfittedFamily(TurnedCodec())])
  static let forms = CorpusForms(CorpusForms.builtIn.forms + [TabForm()])

  /// What answers what: the response says which of three things the prompt names.
  static let prompts = (0..<18).map { "The \(["sun", "sea", "hill"][$0 % 3]) of place \($0) is" }
  static let responses = (0..<18).map { " \(["red", "blue", "green"][$0 % 3])." }

  static let shape = TinyShape(
    width: 24, inner: 48, layers: 2, heads: 2, keyValueHeads: 2, vocabulary: 401, positions: 128)

  private let folder: TemporaryFolder
  let source: TinySource
  var cache: String { folder.path("cache.sqlite") }
  var run: String { folder.path("run") }

  init() throws {
    folder = try TemporaryFolder()
    source = try TinySource(
      folder.path("source"), Self.shape, family: .pond, spread: 0.2, hasTemplate: true)
    let lines = zip(Self.prompts, Self.responses).map { "\($0)\t\($1)\n" }
    try folder.write("train.tsv", lines.joined())
  }

  func options() throws -> PrecomputeOptions {
    var options = PrecomputeOptions(
      source: source.path, cache: cache,
      corpus: .files(
        train: try Corpus(folder.path("train.tsv"), forms: Self.forms), validation: nil, test: nil,
        leaks: .refuse))
    options.architectures = Self.generators.architectures
    options.codecs = Self.codecs
    options.codec = try Self.codecs.choice("turned")
    return options
  }

  @discardableResult
  func precompute() throws -> PrecomputeReport {
    try Precompute(options()).run { _, _ in
    } shouldStop: {
      false
    }
  }

  static func design() -> GeneratorDesign {
    GeneratorDesign(
      conditioning: MeanConditioning.name, architecture: Ripple.family, pretrained: nil, layers: 2,
      width: 32, heads: 4, positions: 96, window: 8, adapter: 8, bridgeHeads: 4, bridgeLayers: 2,
      middleWidth: nil, mask: .causal, generatorPrompt: .all)
  }

  func train(
    _ design: GeneratorDesign = design(), communicator: any Communicator = SingleProcess(),
    _ change: (inout TrainingOptions) -> Void = { _ in }
  ) throws -> TrainingReport {
    var options = TrainingOptions()
    options.epochs = 120
    options.batch = 6
    options.bridgeLearningRate = 0.01
    options.generatorLearningRate = 0.01
    change(&options)
    let trainer = try Trainer(
      cache: cache, run: run, design: design, options: options, registries: Self.generators,
      codecs: Self.codecs, objectives: ObjectiveRegistry.builtIn.adding(Twice.self),
      communicator: communicator)
    return try trainer.run(resume: false) { _ in
    } shouldStop: {
      false
    }
  }

  func generator(usesCache: Bool = true) throws -> TextGenerator {
    try TextGenerator(
      .init(
        run: run, usesCache: usesCache, registries: Self.generators, codecs: Self.codecs))
  }
}
