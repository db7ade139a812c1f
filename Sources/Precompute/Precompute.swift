import FeatureCache
import Foundation
import KnowledgeSource
import ModelFiles
import Numerics

/// Stage one: runs the frozen source over a corpus and stores its hidden states.
///
/// What is in the cache already is not computed again, so a run that was ended in any way goes on where
/// it was. For one thread.
public final class Precompute {
  public struct Progress: Sendable {
    public let documents: Int
    public let tokens: Int
    public let seconds: Double
    public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
  }

  public struct Report: Codable, Equatable, Sendable {
    public var plan: PrecomputePlan
    public var documents = 0
    /// Run through the source.
    public var tokens = 0
    public var seconds = 0.0
    /// Of payload added.
    public var bytes = 0
    public var outcomes: [String: Int] = [:]
    public var interrupted = false
    public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
  }

  private let options: PrecomputeOptions
  private let reading: SourceReading

  /// Tokens that go through the source together; a longer document goes alone. More would be no faster,
  /// and make a signal wait.
  private static let batchTokens = 512

  /// Opens the source's configuration and tokenizer; its weights wait until `run`.
  public init(_ options: PrecomputeOptions) throws {
    self.options = options
    reading = try SourceReading(options)
  }

  /// Reads the whole corpus, and says what is to be done. Computes and writes nothing.
  public func plan() throws -> PrecomputePlan {
    // Without weights there is no identity, and so no cache that could be known to fit.
    try plan(try? reading.identity())
  }

  private func plan(_ identity: CacheIdentity?) throws -> PrecomputePlan {
    var cache: FeatureCache?
    if let identity, FileManager.default.fileExists(atPath: options.cache) {
      cache = try FeatureCache.open(
        options.cache, expecting: identity, acceptOtherNumerics: options.acceptOtherNumerics)
    }
    defer { try? cache?.close() }
    var plan = PrecomputePlan()
    let encoder = try CorpusEncoder(
      options, format: reading.format, positions: reading.configuration.maximumPositions)
    var seen: Set<[Int32]> = []
    while let document = try encoder.next() {
      let ids = document.ids(options.coverage)
      let isNew = seen.insert(ids).inserted
      let isStored = isNew ? try cache?.contains(tokenIDs: ids) ?? false : true
      plan.add(
        tokens: ids.count, whole: document.promptIDs.count + document.responseIDs.count,
        isTrained: document.split == .train, compute: !isStored)
    }
    plan.outcomes = encoder.outcomes
    plan.cost(
      reading.configuration, layer: reading.layer, codec: reading.codec,
      chunkTokens: cache?.chunkTokens ?? FeatureCache.standardChunkTokens,
      operationsPerSecond: MatrixProbe.operationsPerSecond())
    return plan
  }

  /// Computes what is missing.
  ///
  /// - Parameters:
  ///   - settings: the run's options as JSON, noted in the cache.
  ///   - progress: told after every batch.
  ///   - shouldStop: asked between batches; what was computed by then is stored.
  public func run(
    settings: String = "{}", progress: (Progress, PrecomputePlan) -> Void,
    shouldStop: () -> Bool
  ) throws -> Report {
    // The whole corpus is read before a cache is made, so that a mistake in it leaves none behind.
    let identity = try reading.identity()
    let plan = try plan(identity)
    let folder = (options.cache as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try DiskSpace.require(plan.bytes, at: options.cache)
    let cache = try FeatureCache.create(
      options.cache, identity: identity, source: reading.cacheSource(),
      acceptOtherNumerics: options.acceptOtherNumerics)
    defer { try? cache.close() }

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let run = try cache.beginRun(
      "precompute", plan: String(decoding: try encoder.encode(plan), as: UTF8.self),
      options: settings, seed: options.seed)
    var work = Work(cache: cache, run: run, reading: reading, options: options, plan: plan)
    do {
      try work.go(progress: progress, shouldStop: shouldStop, batchTokens: Self.batchTokens)
    } catch {
      try? cache.note(run, work.runProgress, .failed)
      throw error
    }
    try cache.note(run, work.runProgress, work.report.interrupted ? .interrupted : .finished)
    try cache.close()
    return work.report
  }
}

/// A run under way.
private struct Work {
  private let options: PrecomputeOptions
  private let reading: SourceReading
  private let writer: BatchWriter
  private var source: KnowledgeSource?
  private var waiting: [CacheDocument] = []
  private var waitingTokens = 0
  private let began = ContinuousClock.now
  private(set) var report: Precompute.Report

  init(
    cache: FeatureCache, run: RunID, reading: SourceReading, options: PrecomputeOptions,
    plan: PrecomputePlan
  ) {
    self.options = options
    self.reading = reading
    writer = BatchWriter(cache, run: run)
    report = Precompute.Report(plan: plan)
  }

  var runProgress: RunProgress {
    var progress = RunProgress()
    progress.documents = report.documents
    progress.tokens = report.tokens
    progress.bytes = report.bytes
    progress.seconds = report.seconds
    progress.outcomes = report.outcomes
    return progress
  }

  mutating func go(
    progress: (Precompute.Progress, PrecomputePlan) -> Void, shouldStop: () -> Bool,
    batchTokens: Int
  ) throws {
    let encoder = try CorpusEncoder(
      options, format: reading.format, positions: reading.configuration.maximumPositions)
    while let document = try encoder.next() {
      let ids = document.ids(options.coverage)
      if try writer.cachedChunks(of: ids) == ids.count {
        try store(document, [])
      } else {
        if waitingTokens + ids.count > batchTokens { try compute() }
        waiting.append(document)
        waitingTokens += ids.count
      }
      if waitingTokens >= batchTokens { try compute() }
      if waiting.isEmpty { tell(progress) }
      if shouldStop() {
        report.interrupted = true
        break
      }
    }
    if !report.interrupted { try compute() }
    try writer.flush()
    settle()
    report.outcomes = encoder.outcomes
    report.outcomes["stored"] = writer.report.stored
    if writer.report.present > 0 { report.outcomes["present"] = writer.report.present }
    if writer.report.extended > 0 { report.outcomes["extended"] = writer.report.extended }
    if writer.report.moved > 0 { report.outcomes["moved to another set"] = writer.report.moved }
    tell(progress)
  }

  /// Runs the waiting documents through the source, equal ones once.
  private mutating func compute() throws {
    guard !waiting.isEmpty else { return }
    let source: KnowledgeSource
    if let open = self.source {
      source = open
    } else {
      source = try KnowledgeSource(reading.folder)
      self.source = source
    }
    var texts: [[Int32]] = []
    var places: [[Int32]: Int] = [:]
    for document in waiting {
      let ids = document.ids(options.coverage)
      guard places[ids] == nil else { continue }
      places[ids] = texts.count
      texts.append(ids)
    }
    let total = texts.reduce(0) { $0 + $1.count }
    let width = reading.configuration.hiddenSize
    let states = FloatBuffer(count: total * width)
    try source.states(
      batch: texts, layer: reading.layer, normalized: reading.normalized, into: states.base)
    report.tokens += total

    var offsets = [0]
    for text in texts { offsets.append(offsets[offsets.count - 1] + text.count) }
    for document in waiting {
      let ids = document.ids(options.coverage)
      let start = try writer.cachedChunks(of: ids)
      guard start < ids.count, let place = places[ids] else {
        try store(document, [])
        continue
      }
      let records = try writer.cache.records(
        of: ids, from: start, states: states.base + (offsets[place] + start) * width,
        place: document.place)
      try store(document, records)
    }
    waiting.removeAll(keepingCapacity: true)
    waitingTokens = 0
  }

  private mutating func store(_ document: CacheDocument, _ records: [CacheRecord]) throws {
    try writer.add(CacheEntry(document: document, coverage: options.coverage, records: records))
    report.documents += 1
  }

  private mutating func settle() {
    let passed = (ContinuousClock.now - began).components
    report.seconds = Double(passed.seconds) + Double(passed.attoseconds) * 1e-18
    report.bytes = writer.report.bytes
  }

  private mutating func tell(_ progress: (Precompute.Progress, PrecomputePlan) -> Void) {
    settle()
    progress(
      Precompute.Progress(
        documents: report.documents, tokens: report.tokens, seconds: report.seconds),
      report.plan)
  }
}
