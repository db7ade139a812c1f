import Architectures
import FeatureCache
import Generation
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// The source itself as an arm: where it is, and which training documents it is shown before it is asked.
struct SourceArm {
  /// As reports and answers name it.
  let name: String
  let prompts: FewShotPrompts
  private let provider: StateProvider
  private let tokenizer: Tokenizer

  /// Opens no weights. Throws where the source is not there, is another or writes nothing, and where the documents
  /// do not suffice or do not fit.
  ///
  /// - Parameters:
  ///   - tokenizer: the source's.
  ///   - cache: a stream of the source, with the training documents; `nil`: none are shown.
  ///   - fewShot: how many are shown.
  ///   - seed: draws them.
  init(
    _ provider: StateProvider, _ tokenizer: Tokenizer, showing cache: FeatureCache?, fewShot: Int,
    seed: UInt64, asked: [CacheDocument], _ architectures: ArchitectureRegistry
  ) throws {
    let entries = fewShot > 0 ? try cache?.documents(.train) ?? [] : []
    guard entries.count >= fewShot else {
      throw EvaluationError.notEnoughToShow(asked: fewShot, documents: entries.count)
    }
    let folder = try provider.sourceFolder()
    let architecture = try folder.architecture(architectures)
    guard architecture.outputHead != nil else {
      throw KnowledgeSourceError.noDecoder(path: folder.path, family: architecture.family)
    }
    var generator = SeededGenerator(seed: seed)
    var order = Array(entries.indices)
    generator.shuffle(&order)
    let shown = try order.prefix(fewShot).compactMap { try cache?.document(entries[$0].id) }
    name = "source, \(fewShot)-shot"
    self.provider = provider
    self.tokenizer = tokenizer
    prompts = try FewShotPrompts(
      shown, asked: asked, tokenizer, positions: architecture.maximumPositions)
  }

  /// The source, opened, with what it is shown run once.
  func answers(maxTokens: Int) throws -> SourceAnswers {
    try SourceAnswers(try provider.decoderSource(), tokenizer, prompts, maxTokens: maxTokens)
  }
}
