import Corpora
import FeatureCache
import Foundation
import Identity
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

  /// Is told, in lines, what takes time or was not done as asked.
  public var note: (String) -> Void = { _ in }

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
    let identity = try? reading.identity()
    let target =
      identity == nil ? TargetCache(unopened: options) : try TargetCache(options, .read)
    defer { target.close() }
    return try plan(identity, target, fitting: false, spool: nil, shouldStop) { _ in
      Self.sampleSeconds
    }.plan
  }

  /// - Parameters:
  ///   - identity: with a codec that is still to be fitted named by its choice.
  ///   - target: the cache that is planned for.
  ///   - fitting: fit such a codec.
  ///   - spool: gets the documents, for the run.
  ///   - budget: seconds that a sample may be run for, given what the work seems to take.
  /// - Returns: the codec too, where it is known or was fitted.
  private func plan(
    _ identity: CacheIdentity?, _ target: TargetCache, fitting: Bool, spool: DocumentSpool?,
    _ shouldStop: () -> Bool, budget: (Double) -> Double
  ) throws -> (plan: PrecomputePlan, codec: (any StateCodec)?) {
    var identity = identity
    var codec = try identity.flatMap { try target.codec(of: $0) }
    if let codec {
      identity?.codec = codec.identity
      if let fitCorpus = options.fitCorpus, fitting {
        note("\(fitCorpus.path) is not fitted on: \(options.cache) has \(codec.identity)")
      }
    }
    let cache = try identity.flatMap { try target.stream(of: $0) }
    let survey = try CorpusSurvey(
      options, reading, cache: cache, spool: spool, shouldStop: shouldStop)
    var plan = survey.plan
    let cost = PlanCost(
      model: reading.configuration, layer: reading.layer, codec: reading.codec, work: survey.work,
      stored: survey.stored, emptyFile: cache == nil ? try reading.emptyFile : 0)
    cost.estimate(&plan)
    if codec == nil, plan.tokensToCompute > 0, options.codec.needsFit {
      plan.fitted = options.codec.description
      if fitting { codec = try fitted(salt: try target.salt(), shouldStop) }
    }
    let seconds = budget(plan.seconds)
    if var identity, seconds > 0, plan.tokensToCompute > 0 {
      let source = try source()
      // Time hardly depends on the codec, and what one takes that is not fitted yet is reckoned.
      let stored = codec ?? CodecRegistry.standard
      identity.codec = stored.identity
      func measure() throws -> SampleMeasurement {
        try SampleMeasurement(
          survey.sample, source, reading, identity, stored, options, budget: seconds,
          encrypted: target.isEncrypted, shouldStop: shouldStop)
      }
      // A run does not fail for want of an estimate, as where there is no room for temporary files.
      if let measured = spool == nil ? try measure() : try? measure() {
        cost.apply(measured, to: &plan, isStored: codec != nil)
      }
      if shouldStop() { throw PrecomputeError.interrupted }
    }
    return (plan, codec)
  }

  /// Fits the codec on the corpus's training set: that of all shards, so that they have the same.
  private func fitted(salt: [UInt8], _ shouldStop: () -> Bool) throws -> (any StateCodec)? {
    func check() throws { if shouldStop() { throw PrecomputeError.interrupted } }
    var sample = CalibrationSample()
    let documents = EncodedCorpus(options.forFitting, reading)
    defer { documents.close() }
    while !sample.isFull, let document = try documents.next() {
      try check()
      if document.split == .train { sample.add(document.ids(options.coverage)) }
    }
    note(
      "fitting \(options.codec) on \(sample.fitted.count) texts and measuring it on \(sample.heldOut.count); "
        + "up to some minutes")
    return try withoutActuallyEscaping(check) { check in
      let ground = FittingGround(
        try source().decoder(), layer: reading.layer, normalized: reading.normalized,
        sample: sample, salt: salt, note: note, check: check)
      return try ground.codecs([options.codec]).first
    }
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
    let target = try TargetCache(options, .write)
    defer { target.close() }
    // The whole corpus is read before a cache is made, so that a mistake in it leaves none behind.
    var identity = try reading.identity()
    let spool = try DocumentSpool(near: options.cache)
    let plan: PrecomputePlan
    let codec: (any StateCodec)?
    do {
      (plan, codec) = try self.plan(
        identity, target, fitting: true, spool: spool, shouldStop
      ) { seconds in
        let share = seconds * Self.sampleShare
        return share < 1 ? 0 : min(share, Self.sampleSeconds)
      }
    } catch PrecomputeError.interrupted {
      var report = PrecomputeReport(plan: PrecomputePlan())
      report.interrupted = true
      return report
    }
    if let codec { identity.codec = codec.identity }
    try spool.rewind()
    let folder = (options.cache as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try DiskSpace.require(plan.bytes, at: options.cache)
    let isNew = !FileManager.default.fileExists(atPath: options.cache)
    let cache = try target.filled(identity, source: reading.cacheSource(), codec: codec)
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
      try work.run(spool, source: source, progress: progress, shouldStop: shouldStop)
      work.report.fileBytes = try cache.fileBytes() - fileBytes
    } catch {
      try? cache.note(run, work.runProgress, .failed)
      cache.dropIfEmpty()
      throw error
    }
    try cache.note(run, work.runProgress, work.report.interrupted ? .interrupted : .finished)
    try cache.close()
    return work.report
  }
}
