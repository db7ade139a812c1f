import Corpora
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

  /// Told, in lines, what takes time or was not done as asked.
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
    try plan(try? reading.identity(), fitting: false, spool: nil, shouldStop) { _ in
      Self.sampleSeconds
    }.plan
  }

  /// - Parameters:
  ///   - identity: with a codec that is still to be fitted named by its choice.
  ///   - fitting: fit such a codec.
  ///   - spool: gets the documents, for the run.
  ///   - budget: seconds that a sample may be run for, given what the work seems to take.
  /// - Returns: the codec too, where it is known or was fitted.
  private func plan(
    _ identity: CacheIdentity?, fitting: Bool, spool: DocumentSpool?,
    _ shouldStop: () -> Bool, budget: (Double) -> Double
  ) throws -> (plan: PrecomputePlan, codec: (any StateCodec)?) {
    var identity = identity
    var codec = try identity.flatMap { try self.codec($0) }
    if let codec {
      identity?.codec = codec.identity
      if let fitCorpus = options.fitCorpus, fitting {
        note("\(fitCorpus.path) is not fitted on: \(options.cache) has \(codec.identity)")
      }
    }
    let cache = try identity.flatMap { try stream($0) }
    defer { try? cache?.close() }
    let survey = try CorpusSurvey(
      options, reading, cache: cache, spool: spool, shouldStop: shouldStop)
    var plan = survey.plan
    let cost = PlanCost(
      model: reading.configuration, layer: reading.layer, codec: reading.codec, work: survey.work,
      stored: survey.stored, emptyFile: cache == nil ? try reading.emptyFile : 0)
    cost.settle(&plan)
    if codec == nil, plan.tokensToCompute > 0, case .transform(let allowance) = options.codec {
      plan.fitted = options.codec.description
      if fitting { codec = try fitted(allowance: allowance, shouldStop) }
    }
    let seconds = budget(plan.seconds)
    if var identity, seconds > 0, plan.tokensToCompute > 0 {
      let source = try source()
      // Time hardly depends on the codec, and what one takes that is not fitted yet is reckoned.
      let stored = codec ?? StateCodecs.standard
      identity.codec = stored.identity
      func measure() throws -> SampleMeasurement {
        try SampleMeasurement(
          survey.sample, source, reading, identity, stored, options, budget: seconds,
          encrypted: isEncrypted(), shouldStop: shouldStop)
      }
      // A run does not fail for want of an estimate, as where there is no room for temporary files.
      if let measured = spool == nil ? try measure() : try? measure() {
        cost.settle(&plan, measured, isStored: codec != nil)
      }
      if shouldStop() { throw PrecomputeError.interrupted }
    }
    return (plan, codec)
  }

  /// The codec that was chosen, unless it is still to be fitted.
  private func codec(_ identity: CacheIdentity) throws -> (any StateCodec)? {
    if case .ready(let name) = options.codec { return try StateCodecs.named(name) }
    return try FeatureCache.codec(
      options.codec, in: options.cache, of: identity,
      acceptOtherNumerics: options.acceptOtherNumerics)
  }

  /// Fits the codec on the corpus's training set: that of all shards, so that they have the same.
  private func fitted(
    allowance: Double, _ shouldStop: () -> Bool
  ) throws -> any StateCodec {
    func check() throws { if shouldStop() { throw PrecomputeError.interrupted } }
    let salt = try self.salt()
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
    let fitting = try CodecFitting(
      try source().source, layer: reading.layer, normalized: reading.normalized, sample: sample,
      check: check)
    let codec = try fitting.codec(allowance: allowance, salt: salt, note: note, check: check)
    let (own, standard) = (
      try fitting.bytesPerToken(codec), try fitting.bytesPerToken(StateCodecs.standard)
    )
    if own > standard {
      note(
        "\(options.codec) takes \(Int(own)) bytes a token here, \(StateCodecs.standard.name) \(Int(standard)): "
          + "fit it on more text, or on text more like the corpus")
    }
    return codec
  }

  /// Whether the cache is encrypted, or will be.
  private func isEncrypted() throws -> Bool {
    guard cacheIsBegun else { return options.encrypt }
    let cache = try FeatureCache.open(options.cache, stream: .first)
    defer { try? cache.close() }
    return cache.isEncrypted
  }

  /// Of a fit for this cache.
  private func salt() throws -> [UInt8] {
    guard try isEncrypted() else { return TransformFit.noSalt }
    guard let key = try CacheKey.fromEnvironment() else {
      throw CacheError.keyNeeded(path: options.cache)
    }
    return key.codecSalt
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
    var identity = try reading.identity()
    let spool = try DocumentSpool(near: options.cache)
    let plan: PrecomputePlan
    let codec: (any StateCodec)?
    do {
      (plan, codec) = try self.plan(identity, fitting: true, spool: spool, shouldStop) { seconds in
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
    let cache = try FeatureCache.create(
      options.cache, identity: identity, source: reading.cacheSource(), codec: codec,
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
