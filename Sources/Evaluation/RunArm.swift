import FeatureCache
import Foundation
import Generation
import Generators
import Identity
import Numerics
import Runs
import Tokenization

/// One trained generator on the test set, given the states that it was trained for: its documents' own,
/// other documents', or none.
struct RunArm {
  private let path: String
  private let cache: FeatureCache
  private let options: EvaluationOptions
  private let documents: [Evaluator.TestDocument]
  private let generator: TextGenerator
  private let arm: StatesArm
  /// Whose states each document is given.
  private let partners: [Int]

  init(
    _ place: TextGenerator.Place, cache: FeatureCache, options: EvaluationOptions,
    documents: [Evaluator.TestDocument]
  ) throws {
    path = place.run
    self.cache = cache
    self.options = options
    self.documents = documents
    generator = try TextGenerator(place)
    arm = generator.run.states
    partners =
      arm == .shuffled
      ? Derangement.partners(of: documents.count, seed: options.seed)
      : Array(documents.indices)
  }

  /// Throws where the source is needed and isn't there, or is another.
  func requireSource() throws {
    guard options.answers, generator.configuration.needs.steps else { return }
    _ = try generator.states.sourceFolder()
  }

  func measure(
    _ progress: (Evaluator.Progress) -> Void
  ) throws -> (EvaluationReport.Arm, [Double]) {
    let name = (path as NSString).lastPathComponent
    var row = EvaluationReport.Arm(
      name: name, run: path, states: arm.rawValue, documents: documents.count)
    row.loss = try loss()
    if options.freeRunning { row.freeRunningLoss = try freeRunningLoss() }
    guard options.answers else { return (row, []) }

    var texts: [String] = []
    var (tokens, seconds) = (0, 0.0)
    for (index, item) in documents.enumerated() {
      let prompt = PromptFormat.Encoded(
        text: item.document.prompt, ids: item.document.promptIDs, isLossy: false)
      let result = try generator.generate(
        prompt, SamplingOptions(maxTokens: options.maxNewTokens),
        given: try given(index).map { [$0] })
      texts.append(result.text)
      tokens += result.tokens
      seconds += result.decodeSeconds
      progress(.init(arm: name, done: index + 1, total: documents.count))
    }
    let matches = Scoring.matches(texts, documents.map(\.document))
    row.exactMatch = Scoring.mean(matches)
    row.tokensPerSecond = seconds > 0 ? Double(tokens) / seconds : nil
    row.answers = texts
    return (row, matches)
  }

  /// States of the prompt from the cache, whoever's they are; `nil` where the generator finds its own.
  private func given(_ index: Int) throws -> [Float]? {
    guard arm == .shuffled, !generator.configuration.needs.steps else { return nil }
    return try states(partners[index], .prompt)
  }

  private func states(_ index: Int, _ coverage: Coverage) throws -> [Float] {
    let entry = documents[index].entry
    let count = coverage == .prompt ? entry.promptStates : entry.documentStates
    var states = [Float](repeating: 0, count: count * cache.width)
    try states.withUnsafeMutableBufferPointer {
      _ = try cache.states(of: entry.id, coverage, into: $0)
    }
    return states
  }

  /// Nats a response token, the right tokens given.
  private func loss() throws -> Double {
    let folder = RunFolder(path)
    let model = try folder.generator(folder.best, generator.run)
    let coverage = model.configuration.needs.coverage
    var (sum, count) = (0.0, 0)
    for index in documents.indices {
      let (prompt, response) = try generator.ids(of: documents[index].document)
      let document = GeneratorDocument(
        states: [arm == .none ? [] : try states(partners[index], coverage)], prompt: prompt,
        response: response)
      let result = try model.evaluate([document], loss: .response)
      sum += result.lossSum
      count += result.tokenCount
    }
    return sum / Double(max(count, 1))
  }

  /// Nats a response token, fed as in decoding; `nil` in `prompt` conditioning.
  private func freeRunningLoss() throws -> Double? {
    guard generator.configuration.needs.steps else { return nil }
    var (sum, count) = (0.0, 0)
    for index in documents.indices {
      let (prompt, response) = try generator.ids(of: documents[index].document)
      guard
        let loss = try generator.freeRunningLoss(
          states: try states(partners[index], .document), prompt: prompt, response: response)
      else { return nil }
      sum += loss
      count += response.count
    }
    return sum / Double(max(count, 1))
  }
}
