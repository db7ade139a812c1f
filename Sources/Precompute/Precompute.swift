import FeatureCache
import Foundation
import KnowledgeSource

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

  private let options: PrecomputeOptions
  private let reading: SourceReading
  private var opened: OpenedSource?

  /// Seconds that a sample is run for where a plan is asked for.
  private static let sampleSeconds = 4.0
  /// The share of a run that measuring for its plan may take.
  private static let sampleShare = 0.02

  /// Opens the source's configuration and tokenizer; its weights wait until they are needed.
  public init(_ options: PrecomputeOptions) throws {
    self.options = options
    reading = try SourceReading(options)
  }

  /// Reads the whole corpus, runs a sample of it for a few seconds where the weights are there, and
  /// says what is to be done. The cache is left as it is.
  ///
  /// - Throws: `PrecomputeError.interrupted` when `shouldStop` says so.
  public func plan(shouldStop: () -> Bool = { false }) throws -> PrecomputePlan {
    // Without weights there is no identity, and so no cache that could be known to fit.
    try plan(try? reading.identity(), spool: nil, shouldStop) { _ in Self.sampleSeconds }
  }

  /// - Parameters:
  ///   - spool: gets the documents, for the run.
  ///   - budget: seconds that a sample may be run for, given what the work seems to take.
  private func plan(
    _ identity: CacheIdentity?, spool: DocumentSpool?, _ shouldStop: () -> Bool,
    budget: (Double) -> Double
  ) throws -> PrecomputePlan {
    let cache = try identity.flatMap { try stream($0) }
    defer { try? cache?.close() }
    let survey = try CorpusSurvey(
      options, reading, cache: cache, spool: spool, shouldStop: shouldStop)
    var plan = survey.plan
    let cost = PlanCost(
      model: reading.configuration, layer: reading.layer, codec: reading.codec, work: survey.work,
      stored: survey.stored, emptyFile: cache == nil ? try reading.emptyFile : 0)
    cost.settle(&plan)
    let seconds = budget(plan.seconds)
    if let identity, seconds > 0, plan.tokensToCompute > 0 {
      let source = try source()
      func measure() throws -> SampleMeasurement {
        try SampleMeasurement(
          survey.sample, source, reading, identity, options, budget: seconds,
          encrypted: options.encrypt || cache?.isEncrypted ?? false, shouldStop: shouldStop)
      }
      // A run does not fail for want of an estimate, as where there is no room for temporary files.
      if let measured = spool == nil ? try measure() : try? measure() {
        cost.settle(&plan, measured)
      }
      if shouldStop() { throw PrecomputeError.interrupted }
    }
    return plan
  }

  /// What the cache has of these states; `nil` where it has none, and may be given them.
  private func stream(_ identity: CacheIdentity) throws -> FeatureCache? {
    guard cacheIsBegun else { return nil }
    do throws(CacheError) {
      return try FeatureCache.open(
        options.cache, expecting: identity, acceptOtherNumerics: options.acceptOtherNumerics)
    } catch {
      if options.beside, case .identityMismatch = error { return nil }
      throw PrecomputeError.offeringBeside(error)
    }
  }

  /// There is a cache, and not just the empty file that a run leaves which was killed at once.
  private var cacheIsBegun: Bool {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: URL(fileURLWithPath: options.cache).resolvingSymlinksInPath().path)
    return (attributes?[.size] as? Int ?? 0) > 0
  }

  /// Reads the weights, once.
  private func source() throws -> OpenedSource {
    if let opened { return opened }
    let source = try OpenedSource(reading)
    opened = source
    return source
  }

  /// Computes what is missing.
  ///
  /// - Parameters:
  ///   - settings: the run's options as JSON, noted in the cache.
  ///   - progress: told after every pass.
  ///   - shouldStop: asked between passes; what was computed by then is stored.
  public func run(
    settings: String = "{}", progress: (Progress, PrecomputePlan) -> Void,
    shouldStop: () -> Bool
  ) throws -> PrecomputeReport {
    if FileManager.default.fileExists(atPath: options.cache) {
      try FeatureCache.requireNoWriter(options.cache)
    }
    if cacheIsBegun {
      do throws(CacheError) {
        try FeatureCache.open(options.cache, stream: .first).close()
      } catch .unfinished, .olderSchema {
        // A writer takes up what one left that was killed as it began, and what an older program made.
        try FeatureCache.open(options.cache, .write, stream: .first).close()
      }
    }
    // The whole corpus is read before a cache is made, so that a mistake in it leaves none behind.
    let identity = try reading.identity()
    let spool = try DocumentSpool(near: options.cache)
    let plan: PrecomputePlan
    do {
      plan = try self.plan(identity, spool: spool, shouldStop) { seconds in
        let share = seconds * Self.sampleShare
        return share < 1 ? 0 : min(share, Self.sampleSeconds)
      }
    } catch PrecomputeError.interrupted {
      var report = PrecomputeReport(plan: PrecomputePlan())
      report.interrupted = true
      return report
    }
    try spool.rewind()
    let folder = (options.cache as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try DiskSpace.require(plan.bytes, at: options.cache)
    let isNew = !FileManager.default.fileExists(atPath: options.cache)
    let cache = try FeatureCache.create(
      options.cache, identity: identity, source: reading.cacheSource(),
      acceptOtherNumerics: options.acceptOtherNumerics, beside: options.beside,
      encrypted: options.encrypt)
    defer { try? cache.close() }
    let fileBytes = isNew ? 0 : try cache.fileBytes()

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let run = try cache.beginRun(
      .precompute, plan: String(decoding: try encoder.encode(plan), as: UTF8.self),
      options: settings, seed: options.seed)
    let work = PrecomputeWork(
      cache: cache, run: run, reading: reading, options: options, plan: plan)
    do {
      try work.go(spool, source: source, progress: progress, shouldStop: shouldStop)
      work.report.fileBytes = try cache.fileBytes() - fileBytes
    } catch {
      try? cache.note(run, work.runProgress, .failed)
      throw error
    }
    try cache.note(run, work.runProgress, work.report.interrupted ? .interrupted : .finished)
    try cache.close()
    return work.report
  }
}
