import FeatureCache
import Generation
import Generators
import Runs
import Tokenization

/// A trained generator's greedy answers to the test prompts of its cache, from given states.
struct TestAnswers {
  let generator: TextGenerator
  /// The run's own cache, unless another is named.
  let cache: FeatureCache
  let documents: [CacheDocument]
  private let options: SamplingOptions

  /// - Parameters:
  ///   - run: of prompt conditioning, trained with states.
  ///   - cache: `nil`: the one that the run was trained on.
  init(run: String, cache: String?, source: String? = nil, maxNewTokens: Int) throws {
    generator = try TextGenerator(.init(run: run, cache: cache, sources: source.map { [$0] } ?? []))
    guard generator.run.streams.count == 1 else { throw BenchError.severalStreams(run: run) }
    let needs = generator.configuration.needs
    guard needs.readsStates, !needs.steps else {
      throw BenchError.noPromptStates(run: run)
    }
    let opened = try FeatureCache.open(
      cache ?? generator.run.cachePath, expecting: generator.states.streams[0].identity)
    documents = try opened.documents(.test).map { try opened.document($0.id) }
    guard !documents.isEmpty else { throw BenchError.noTestDocuments(cache: opened.path) }
    self.cache = opened
    options = SamplingOptions(maxTokens: maxNewTokens)
  }

  /// - Parameter states: [tokens of the prompt, width].
  func answer(_ document: CacheDocument, states: [Float]) throws -> String {
    let prompt = PromptFormat.Encoded(
      text: document.prompt, ids: document.promptIDs, isLossy: false)
    return try generator.generate([prompt], options, given: [states]).text
  }
}
