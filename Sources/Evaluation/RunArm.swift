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
  /// What is read: a stream each, with its documents by what names them in all; `nil` is left out.
  private let streams: [Stream?]
  private let options: EvaluationOptions
  private let documents: [Evaluator.TestDocument]
  private let generator: TextGenerator
  private let arm: StatesArm
  /// Whose states each document is given.
  private let partners: [Int]

  private let leftOut: [Int]

  /// A stream of the cache, and how many states it has of each document.
  private struct Stream {
    let cache: FeatureCache
    let entries: [DocumentID: DocumentEntry]
  }

  init(
    _ place: TextGenerator.Place, options: EvaluationOptions, documents: [Evaluator.TestDocument]
  ) throws {
    path = place.run
    leftOut = place.leftOut
    self.options = options
    self.documents = documents
    generator = try TextGenerator(place)
    arm = generator.run.states
    let needs = generator.configuration.needs
    streams = try generator.states.streams.enumerated().map { number, stream in
      guard !place.leftOut.contains(number + 1) else { return nil }
      guard let cache = stream.cache else {
        throw EvaluationError.noStream(
          cache: place.cache ?? "the cache", run: place.run, number: number + 1)
      }
      let entries = Dictionary(
        uniqueKeysWithValues: try cache.documents(.test)
          .filter { !needs.readsStates || $0.coverages.contains(needs.coverage) }
          .map { ($0.id, $0) })
      let missing = documents.count { entries[$0.id] == nil }
      guard missing == 0 else {
        throw EvaluationError.missingDocuments(
          cache: cache.path, stream: cache.number, missing: missing, documents: documents.count)
      }
      return Stream(cache: cache, entries: entries)
    }
    partners =
      arm == .shuffled
      ? Derangement.partners(of: documents.count, seed: options.seed)
      : Array(documents.indices)
  }

  /// Throws where it can't answer as it is asked to: by a search where the source runs a step a token, or where that
  /// source isn't there, or is another.
  func requireMeans() throws {
    guard options.answers, generator.configuration.needs.steps else { return }
    guard options.beams == 1 else {
      throw GenerationError.invalidOption(
        name: "beams", found: "\(options.beams)",
        allowed: "1 for \(path): its source runs a step for every token")
    }
    _ = try generator.states.streams[0].sourceFolder()
  }

  func measure(
    _ progress: (Evaluator.Progress) -> Void
  ) throws -> (EvaluationReport.Arm, [Double]) {
    let name =
      (path as NSString).lastPathComponent + leftOut.map { " without stream \($0)" }.joined()
    var row = EvaluationReport.Arm(
      name: name, run: path, states: arm.rawValue, documents: documents.count)
    row.loss = try loss()
    if options.freeRunning { row.freeRunningLoss = try freeRunningLoss() }
    guard options.answers else { return (row, []) }

    var texts: [String] = []
    var (tokens, seconds, wholeSeconds) = (0, 0.0, 0.0)
    for (index, item) in documents.enumerated() {
      let result = try generator.generate(
        try prompts(of: item),
        SamplingOptions(beams: options.beams, maxTokens: options.maxNewTokens),
        given: try given(index))
      texts.append(result.text)
      tokens += result.tokens
      seconds += result.decodeSeconds
      wholeSeconds += result.statesSeconds + result.prefillSeconds + result.decodeSeconds
      progress(.init(arm: name, done: index + 1, total: documents.count))
    }
    let matches = Scoring.matches(texts, documents.map(\.document))
    row.exactMatch = Scoring.mean(matches)
    row.tokensPerSecond = seconds > 0 ? Double(tokens) / seconds : nil
    row.secondsPerAnswer = wholeSeconds / Double(max(documents.count, 1))
    row.answers = texts
    return (row, matches)
  }

  /// A document's prompt in the tokens of each stream.
  private func prompts(of item: Evaluator.TestDocument) throws -> [PromptFormat.Encoded] {
    try streams.enumerated().map { place, stream in
      let document =
        if place > 0, let stream { try stream.cache.document(item.id) } else { item.document }
      return PromptFormat.Encoded(
        text: document.prompt, ids: document.promptIDs, isLossy: false)
    }
  }

  /// States of the prompt from the cache, whoever's they are; `nil` where the generator finds its own.
  private func given(_ index: Int) throws -> [[Float]]? {
    guard arm == .shuffled, !generator.configuration.needs.steps else { return nil }
    return try states(partners[index], .prompt)
  }

  /// Of every stream: [tokens, width].
  private func states(_ index: Int, _ coverage: Coverage) throws -> [[Float]] {
    try streams.map { stream in
      guard let stream, let entry = stream.entries[documents[index].id] else { return [] }
      let count = coverage == .prompt ? entry.promptStates : entry.documentStates
      var states = [Float](repeating: 0, count: count * stream.cache.width)
      try states.withUnsafeMutableBufferPointer {
        _ = try stream.cache.states(of: entry.id, coverage, into: $0)
      }
      return states
    }
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
        states: arm == .none
          ? streams.map { _ in [] } : try states(partners[index], coverage),
        prompt: prompt, response: response)
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
          states: try states(partners[index], .document)[0], prompt: prompt, response: response)
      else { return nil }
      sum += loss
      count += response.count
    }
    return sum / Double(max(count, 1))
  }
}
