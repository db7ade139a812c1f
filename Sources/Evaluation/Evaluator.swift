import FeatureCache
import Foundation
import Generation
import GenerationModule
import KnowledgeSource
import Numerics
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
  private let cache: FeatureCache
  private let documents: [TestDocument]

  /// A test document with where its states are.
  struct TestDocument {
    let id: DocumentID
    let document: CacheDocument
    let entry: DocumentEntry
  }

  public init(_ options: EvaluationOptions) throws {
    guard let first = options.runs.first else { throw EvaluationError.noRuns }
    if let baseline = options.baseline, !options.runs.contains(baseline) {
      throw EvaluationError.unknownBaseline(baseline, runs: options.runs)
    }
    if let limit = options.limit, limit < 1 { throw EvaluationError.badLimit(limit) }
    self.options = options
    for run in options.runs { _ = try RunFolder(run).description() }
    let folder = RunFolder(first)
    let run = try folder.description()
    cache = try FeatureCache.open(
      options.cache ?? run.cachePath,
      expecting: try folder.cacheIdentity(of: run))
    let entries = try cache.documents(.test).prefix(options.limit ?? .max)
    guard !entries.isEmpty else { throw EvaluationError.noTestDocuments(cache: cache.path) }
    documents = try entries.map { [cache] entry in
      TestDocument(id: entry.id, document: try cache.document(entry.id), entry: entry)
    }
  }

  public func run(progress: (Progress) -> Void) throws -> EvaluationReport {
    var arms: [EvaluationReport.Arm] = []
    var scores: [[Double]] = []
    var baseline = 0
    for (index, run) in options.runs.enumerated() {
      if run == options.baseline { baseline = index }
      let arm = try RunArm(run, cache: cache, options: options, documents: documents)
      let (row, matches) = try arm.measure(progress)
      arms.append(row)
      scores.append(matches)
    }
    if options.fewShot > 0 {
      let (row, matches) = try askSource(progress)
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
      cache: cache.path, baseline: arms[baseline].name, seed: options.seed, arms: arms)
  }

  private func askSource(
    _ progress: (Progress) -> Void
  ) throws -> (EvaluationReport.Arm, [Double]) {
    let run = try RunFolder(options.runs[0]).description()
    let provider = try StateProvider(
      identity: cache.identity, codec: cache.codec, cache: nil,
      source: options.source ?? run.sourcePath)
    let source = try provider.source()
    let tokenizer = try Tokenizer(serialized: cache.source.tokenizer)
    let entries = try cache.documents(.train)
    guard entries.count >= options.fewShot else {
      throw EvaluationError.notEnoughToShow(asked: options.fewShot, documents: entries.count)
    }
    var generator = SeededGenerator(seed: options.seed)
    var order = Array(entries.indices)
    generator.shuffle(&order)
    let shown = try order.prefix(options.fewShot).map { try cache.document(entries[$0].id) }
    let answers = try SourceAnswers(
      source, tokenizer, shown: shown,
      capacity: documents.map(\.document.promptIDs.count).max() ?? 0,
      maxTokens: options.maxNewTokens)

    let name = "source, \(options.fewShot)-shot"
    var texts: [String] = []
    for item in documents {
      texts.append(try answers.answer(to: item.document.prompt))
      progress(Progress(arm: name, done: texts.count, total: documents.count))
    }
    let matches = Scoring.matches(texts, documents.map(\.document))
    let row = EvaluationReport.Arm(
      name: name, run: nil, states: "source", documents: documents.count, loss: nil,
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
