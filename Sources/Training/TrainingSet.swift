import FeatureCache
import Generators
import Identity
import Numerics
import Tokenization

/// A document as the generator is trained on it.
struct TrainingExample: Sendable {
  /// What errors call the document.
  let place: String
  /// The prompt's tokens in the generator's tokenizer.
  let prompt: [Int32]
  let response: [Int32]
  /// The document whose states it is given: its own, another's, or `nil`.
  let statesOf: DocumentID?
  /// How many states those are in each stream, whose tokenizers may differ.
  let stateCounts: [Int]
}

/// The documents of a set, with the generator's token ids; states stay in the cache until a step.
struct TrainingSet {
  let examples: [TrainingExample]
  let coverage: Coverage
  /// A stream each, of one file.
  private let streams: [FeatureCache]

  /// - Parameters:
  ///   - streams: what the generator reads, in its order. The first one's tokens are the documents' own.
  ///   - tokenizer: the generator's own; `nil`: the cache's ids are its.
  ///   - arm: whose states. Those of another document are drawn by `seed`, once.
  init(
    _ streams: [FeatureCache], split: DocumentSplit, configuration: GeneratorConfiguration,
    tokenizer: PromptFormat?, arm: StatesArm, seed: UInt64
  ) throws {
    self.streams = streams
    let cache = streams[0]
    let coverage = configuration.needs.coverage
    self.coverage = coverage
    let entries = try cache.documents(split)
    guard !entries.isEmpty else {
      throw TrainingError.noDocuments(cache: cache.path, split: split.rawValue)
    }
    let counts = try Self.counts(
      of: entries, split, streams, coverage, configuration.conditioning.name)
    let partners =
      arm == .shuffled
      ? Derangement.partners(of: entries.count, seed: seed) : Array(entries.indices)
    examples = try entries.indices.map { index in
      let document = try cache.document(entries[index].id)
      var (prompt, response) = (document.promptIDs, document.responseIDs)
      if let tokenizer {
        prompt = tokenizer.tokenizer.encode(utf8: document.prompt)
        response = tokenizer.response(String(decoding: document.response, as: UTF8.self))
      }
      let example = TrainingExample(
        place: document.place, prompt: prompt, response: response,
        statesOf: arm == .none ? nil : entries[partners[index]].id,
        stateCounts: arm == .none ? streams.map { _ in 0 } : counts[partners[index]])
      let embedded = try configuration.conditioning.embeddedPrompt(prompt)
      try Self.check(example, embedded: embedded + response, configuration)
      return example
    }
  }

  /// How many states the documents have in each stream. Throws where any has none in some: a document is trained
  /// on with the states of all, or not at all.
  private static func counts(
    of entries: [DocumentEntry], _ split: DocumentSplit, _ streams: [FeatureCache],
    _ coverage: Coverage, _ conditioning: String
  ) throws -> [[Int]] {
    let shared = try FeatureCache.shared(by: streams, split, coverage)
    let needed = max(entries.count, shared.total)
    guard shared.ids.count == needed else {
      guard streams.count > 1 else {
        throw TrainingError.missingStates(
          cache: streams[0].path, conditioning: conditioning, found: shared.ids.count,
          needed: needed)
      }
      throw TrainingError.streamsDiffer(
        cache: streams[0].path, split: split.rawValue, documents: needed,
        found: zip(streams, shared.lacking).map {
          "\(shared.total - $1) in stream \($0.number)"
        })
    }
    return entries.indices.map { index in
      shared.entries.map { own in
        coverage == .prompt ? own[index].promptStates : own[index].documentStates
      }
    }
  }

  /// How large the examples are, in their order.
  var sizes: [DocumentSize] {
    examples.map {
      DocumentSize(prompt: $0.prompt.count, response: $0.response.count, states: $0.stateCounts)
    }
  }

  private static func check(
    _ example: TrainingExample, embedded ids: [Int32], _ configuration: GeneratorConfiguration
  ) throws(TrainingError) {
    if let token = ids.first(where: { Int($0) >= configuration.vocabularySize || $0 < 0 }) {
      throw .vocabularyTooSmall(
        document: example.place, token: token, vocabulary: configuration.vocabularySize)
    }
    guard ids.count <= configuration.positions else {
      throw .tooLong(
        document: example.place, tokens: ids.count, positions: configuration.positions)
    }
  }

  /// Some examples with their states, read from the cache now.
  func documents(_ indices: some Collection<Int>) throws -> [GeneratorDocument] {
    try indices.map { index in
      let example = examples[index]
      let states = try zip(streams, example.stateCounts).map { stream, count in
        var states = [Float](repeating: 0, count: count * stream.width)
        if let document = example.statesOf {
          try states.withUnsafeMutableBufferPointer { room in
            _ = try stream.states(of: document, coverage, into: room)
          }
        }
        return states
      }
      return GeneratorDocument(
        states: states, prompt: example.prompt, response: example.response)
    }
  }
}
