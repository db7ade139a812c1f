import ArgumentParser
import Evaluation
import FeatureCache
import Foundation
import Generation
import Identity
import Tokenization

/// What other states cost a generator that was trained on its own.
struct BenchAnswers: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "answers",
    abstract:
      "Count the answers of a trained generator that other states of the prompts leave alone.",
    discussion: """
      The run answers the test set of its cache twice, greedily: from the states that it was trained \
      on, and from those of another cache of the same prompts, as int8 or another codec made them.
      """)

  @Option(name: .customLong("run"), help: "The training run, of prompt conditioning.")
  var folder: String

  @Option(help: "The cache with the other states.")
  var other: String

  @OptionGroup var stream: StreamArguments

  @Option(help: "The cache that the run was trained on; the run's own otherwise.")
  var cache: String?

  @Option(help: "Most tokens of an answer.")
  var maxNewTokens = 32

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  struct Report: Codable {
    let run: String
    let other: String
    let documents: Int
    let unchanged: Int
    /// The share of right answers from the own states; the next is from the others.
    let exactMatch: Double
    let otherExactMatch: Double
  }

  func validate() throws {
    guard maxNewTokens > 0 else {
      throw ValidationError("--max-new-tokens has to be more than nothing")
    }
  }

  func run() throws {
    let answering = try TestAnswers(run: folder, cache: cache, maxNewTokens: maxNewTokens)
    let documents = answering.documents
    let others = try FeatureCache.open(other, stream: stream.choice)
    try requireComparable(answering.cache, others, answering.generator)

    let bar = ProgressBar("answers", unit: "documents")
    let answers = try documents.enumerated().map { index, document in
      try Interruption.check()
      bar.update(index + 1, of: documents.count)
      return try [answering.cache, others].map {
        try answering.answer(document, states: states(of: document, in: $0))
      }
    }
    let right = (0..<2).map { which in
      zip(answers, documents).count { answers, document in
        ExactMatch.matches(answers[which], String(decoding: document.response, as: UTF8.self))
      }
    }
    let report = Report(
      run: folder, other: other, documents: documents.count,
      unchanged: answers.count { $0[0] == $0[1] },
      exactMatch: Double(right[0]) / Double(documents.count),
      otherExactMatch: Double(right[1]) / Double(documents.count))
    if json { try Terminal.json(report) } else { Self.show(report) }
  }

  /// The same prompts have the same tokens, and a state as many values of the same layer.
  private func requireComparable(
    _ own: FeatureCache, _ others: FeatureCache, _ generator: TextGenerator
  ) throws {
    let trained = generator.states.streams[0].identity
    for (name, value) in [
      ("tokenizer", \CacheIdentity.tokenizer), ("layer", \.layerName), ("width", \.widthName),
    ] {
      for cache in [own, others] where cache.identity[keyPath: value] != trained[keyPath: value] {
        throw BenchError.otherStates(
          cache: cache.path, field: name, found: cache.identity[keyPath: value],
          expected: trained[keyPath: value])
      }
    }
  }

  private func states(of document: CacheDocument, in cache: FeatureCache) throws -> [Float] {
    var states = [Float](repeating: 0, count: document.promptIDs.count * cache.width)
    let isThere = try states.withUnsafeMutableBufferPointer {
      try cache.states(forTokenIDs: document.promptIDs, into: $0)
    }
    guard isThere else {
      throw BenchError.noStates(cache: cache.path, document: document.place)
    }
    return states
  }

  private static func show(_ report: Report) {
    Terminal.result(
      String(
        format:
          "%ld of %ld answers unchanged (%.1f%%); exact match %.3f, with the other states %.3f",
        report.unchanged, report.documents,
        100 * Double(report.unchanged) / Double(report.documents), report.exactMatch,
        report.otherExactMatch))
  }
}

extension CacheIdentity {
  fileprivate var layerName: String { "\(layer)\(normalized ? ", normed" : "")" }
  fileprivate var widthName: String { "\(width)" }
}
