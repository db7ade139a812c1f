import Architectures
import FeatureCache
import Foundation
import Generation
import Generators
import KnowledgeSource
import ModelFiles
import Numerics
import Runs
import Tokenization

/// Asks trained generators, and the source itself, the documents of the test set, which nothing before
/// has read.
public final class Evaluator {
  public struct Progress: Sendable {
    public let arm: String
    public let done: Int
    public let total: Int
  }

  private let options: EvaluationOptions
  private let registries: GeneratorRegistries
  private let codecs: CodecRegistry
  private let cache: FeatureCache
  private let documents: [TestDocument]
  private let places: [TextGenerator.Place]
  private let source: SourceArm?
  private var askedHash: String?

  /// A test document, as the first run's first stream has it.
  struct TestDocument {
    let id: DocumentID
    let document: CacheDocument
  }

  /// - Parameters:
  ///   - registries: the families and conditionings that runs may be of.
  ///   - codecs: those that the cache may have.
  public init(
    _ options: EvaluationOptions, registries: GeneratorRegistries = .builtIn,
    codecs: CodecRegistry = .builtIn
  ) throws {
    try options.validate()
    self.options = options
    self.registries = registries
    self.codecs = codecs
    for run in options.runs { _ = try RunFolder(run).manifest() }
    let folder = RunFolder(options.runs[0])
    let run = try folder.manifest()
    cache = try FeatureCache.open(
      options.cache ?? run.cachePath,
      expecting: try folder.cacheIdentities(of: run)[0], codecs: codecs)
    let entries = try cache.documents(.test).prefix(options.limit ?? .max)
    guard !entries.isEmpty else { throw EvaluationError.noTestDocuments(cache: cache.path) }
    documents = try entries.map { [cache] entry in
      TestDocument(id: entry.id, document: try cache.document(entry.id))
    }
    places = try Self.places(options, cache, registries, codecs)
    // What the last arm lacks is known before the first one is measured.
    for place in places {
      try RunArm(place, options: options, documents: documents).requireMeans()
    }
    source =
      options.fewShot > 0
      ? try Self.source(
        cache, options, run, asked: documents.map(\.document), registries.architectures) : nil
  }

  /// An arm each: the runs, and behind each the same without one of its streams, for each that is to be left out.
  private static func places(
    _ options: EvaluationOptions, _ cache: FeatureCache, _ registries: GeneratorRegistries,
    _ codecs: CodecRegistry
  ) throws -> [TextGenerator.Place] {
    var places: [TextGenerator.Place] = []
    var most = 0
    for run in options.runs {
      let streams = try RunFolder(run).manifest().streams.count
      most = max(most, streams)
      for leftOut in [[]] + options.leftOut.map({ [$0] })
      where leftOut.allSatisfy({ streams > 1 && $0 <= streams }) {
        places.append(
          TextGenerator.Place(
            run: run, cache: cache.path, sources: options.sources, leftOut: leftOut,
            registries: registries, codecs: codecs))
      }
    }
    for number in options.leftOut where most < 2 || number > most {
      throw EvaluationError.noStreamToLeaveOut(number: number, most: most)
    }
    return places
  }

  /// Known to be there and to fit before the runs are measured, which may take an hour.
  private static func source(
    _ cache: FeatureCache, _ options: EvaluationOptions, _ run: RunManifest,
    asked: [CacheDocument], _ architectures: ArchitectureRegistry
  ) throws -> SourceArm {
    let provider = try StateProvider(
      identity: cache.identity, codec: cache.codec, cache: nil,
      sources: options.sources.count == 1 ? options.sources : options.sources + [run.sourcePath],
      architectures: architectures)
    return try SourceArm(
      provider, try Tokenizer(serialized: cache.source.tokenizer), showing: cache,
      fewShot: options.fewShot, seed: options.seed, asked: asked, architectures)
  }

  public func run(progress: (Progress) -> Void) throws -> EvaluationReport {
    var arms: [EvaluationReport.Arm] = []
    var scores: [[Double]] = []
    var baseline = 0
    for (index, place) in places.enumerated() {
      if place.run == options.baseline, place.leftOut.isEmpty { baseline = index }
      let (row, matches) = try RunArm(place, options: options, documents: documents)
        .measure(progress)
      arms.append(row)
      scores.append(matches)
    }
    if let source {
      let (row, matches) = try ask(source, progress)
      arms.append(row)
      scores.append(matches)
    }
    if options.answers {
      for index in arms.indices where index != baseline {
        arms[index].difference = PairedBootstrap(
          zip(scores[index], scores[baseline]).map { $0 - $1 }, seed: options.seed)
      }
    }
    return EvaluationReport(
      asked: try asked(), cache: cache.path, baseline: arms[baseline].name, seed: options.seed,
      arms: arms)
  }

  /// A hash of all that decides the report: equal ones have equal reports, but for times.
  public func asked() throws -> String {
    if let known = askedHash { return known }
    var question = EvaluationQuestion()
    try question.add(options)
    try question.add(cache.identity)
    for run in options.runs { try question.add(RunFolder(run)) }
    for item in documents { question.add(item.document) }
    for id in source?.prompts.shown ?? [] { question.add(id) }
    let hash = question.hash()
    askedHash = hash
    return hash
  }

  private func ask(
    _ source: SourceArm, _ progress: (Progress) -> Void
  ) throws -> (EvaluationReport.Arm, [Double]) {
    let answers = try source.answers(maxTokens: options.maxNewTokens)
    var texts: [String] = []
    for item in documents {
      texts.append(try answers.answer(to: item.document))
      progress(Progress(arm: source.name, done: texts.count, total: documents.count))
    }
    let matches = Scoring.matches(texts, documents.map(\.document))
    let row = EvaluationReport.Arm(
      name: source.name, run: nil, states: "source", documents: documents.count, loss: nil,
      freeRunningLoss: nil, exactMatch: Scoring.mean(matches), difference: nil,
      tokensPerSecond: nil, answers: texts)
    return (row, matches)
  }
}

/// Answers as scores: 1 for a right one.
enum Scoring {
  static func matches(_ answers: [String], _ documents: [CacheDocument]) -> [Double] {
    zip(answers, documents).map { answer, document in
      ExactMatch.matches(answer, String(decoding: document.response, as: UTF8.self)) ? 1 : 0
    }
  }

  static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }
}
