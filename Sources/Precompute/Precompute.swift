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
    let identities = try? reading.identities()
    let target =
      identities == nil ? TargetCache(unopened: options) : try TargetCache(options, .read)
    defer { target.close() }
    return try plan(identities, target, fitting: false, spool: nil, shouldStop) { _ in
      Self.sampleSeconds
    }.plan
  }

  /// - Parameters:
  ///   - identities: a layer each, with a codec that is still to be fitted named by its choice.
  ///   - target: the cache that is planned for.
  ///   - fitting: fit such a codec.
  ///   - spool: gets the documents, for the run.
  ///   - budget: seconds that a sample may be run for, given what the work seems to take.
  /// - Returns: the layers' codecs too, where they are known or were fitted.
  private func plan(
    _ identities: [CacheIdentity]?, _ target: TargetCache, fitting: Bool, spool: DocumentSpool?,
    _ shouldStop: () -> Bool, budget: (Double) -> Double
  ) throws -> (plan: PrecomputePlan, codecs: [(any StateCodec)?]) {
    var identities = identities ?? []
    var codecs = try identities.map { try target.codec(of: $0) }
    for (place, codec) in codecs.enumerated() {
      guard let codec else { continue }
      identities[place].codec = codec.identity
      if let fitCorpus = options.fitCorpus, fitting {
        note("\(fitCorpus.path) is not fitted on: \(options.cache) has \(codec.identity)")
      }
    }
    let streams = try target.streams(of: identities)
    let isNew = streams.allSatisfy { $0 == nil }
    let survey = try CorpusSurvey(
      options, reading, streams: streams, spool: spool, shouldStop: shouldStop)
    var plan = survey.plan
    let cost = PlanCost(
      model: reading.configuration, layer: reading.highestLayer, codec: reading.codec,
      work: survey.work, stored: survey.stored, emptyFile: isNew ? try reading.emptyFile : 0)
    cost.estimate(&plan)
    let unfitted = codecs.indices.filter { codecs[$0] == nil }
    if !unfitted.isEmpty, plan.tokensToCompute > 0, options.codec.needsFit {
      plan.fitted = options.codec.description
      if fitting {
        let fits = try fitted(
          unfitted.map { reading.layers[$0] }, salt: try target.salt(), shouldStop)
        for (place, codec) in zip(unfitted, fits) { codecs[place] = codec }
      }
    }
    let seconds = budget(plan.seconds)
    if !identities.isEmpty, seconds > 0, plan.tokensToCompute > 0 {
      let source = try source()
      // Time hardly depends on the codec, and what one takes that is not fitted yet is reckoned.
      let stored = zip(identities, codecs).map { identity, codec in
        var identity = identity
        let codec = codec ?? CodecRegistry.standard
        identity.codec = codec.identity
        return (identity: identity, codec: codec)
      }
      func measure() throws -> SampleMeasurement {
        try SampleMeasurement(
          survey.sample, source, reading, stored, options, budget: seconds,
          encrypted: target.isEncrypted, shouldStop: shouldStop)
      }
      // A run does not fail for want of an estimate, as where there is no room for temporary files.
      if let measured = spool == nil ? try measure() : try? measure() {
        cost.apply(measured, to: &plan, isStored: codecs.allSatisfy { $0 != nil })
      }
      if shouldStop() { throw PrecomputeError.interrupted }
    }
    return (plan, codecs)
  }

  /// Fits the codec to each of some layers on the corpus's training set: that of all shards, so that they have the
  /// same.
  private func fitted(
    _ layers: [StateLayer], salt: [UInt8], _ shouldStop: () -> Bool
  ) throws -> [(any StateCodec)?] {
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
      try layers.map { layer in
        let ground = FittingGround(
          try source().decoder(), layer: layer.index, normalized: layer.normalized,
          sample: sample, salt: salt, note: note, check: check)
        return try ground.codecs([options.codec]).first
      }
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
    var identities = try reading.identities()
    let spool = try DocumentSpool(near: options.cache)
    let plan: PrecomputePlan
    let codecs: [(any StateCodec)?]
    do {
      (plan, codecs) = try self.plan(
        identities, target, fitting: true, spool: spool, shouldStop
      ) { seconds in
        let share = seconds * Self.sampleShare
        return share < 1 ? 0 : min(share, Self.sampleSeconds)
      }
    } catch PrecomputeError.interrupted {
      var report = PrecomputeReport(plan: PrecomputePlan())
      report.interrupted = true
      return report
    }
    for (place, codec) in codecs.enumerated() {
      if let codec { identities[place].codec = codec.identity }
    }
    try spool.rewind()
    let folder = (options.cache as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try DiskSpace.require(plan.bytes, at: options.cache)
    let isNew = !FileManager.default.fileExists(atPath: options.cache)
    let streams = try target.filled(
      identities, source: reading.cacheSource(), codecs: codecs)
    // They share the file.
    let cache = streams[0]
    defer { try? cache.close() }
    let fileBytes = isNew ? 0 : try cache.fileBytes()

    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let run = try cache.beginRun(
      .precompute, plan: String(decoding: try encoder.encode(plan), as: UTF8.self),
      options: settings, seed: options.seed, passes: options.passes)
    let work = PrecomputeWork(
      streams: streams, run: run, reading: reading, options: options, plan: plan)
    do {
      try work.run(spool, source: source, progress: progress, shouldStop: shouldStop)
      work.report.fileBytes = try cache.fileBytes() - fileBytes
    } catch {
      try? cache.note(run, work.runProgress, .failed)
      for stream in streams.reversed() { stream.dropIfEmpty() }
      throw error
    }
    try cache.note(run, work.runProgress, work.report.interrupted ? .interrupted : .finished)
    try cache.close()
    return work.report
  }
}
