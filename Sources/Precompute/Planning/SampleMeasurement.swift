import FeatureCache
import Foundation
import Identity
import Numerics

/// A few windows of the corpus, run, coded and stored for a moment as the run itself would, into a cache
/// that is thrown away.
struct SampleMeasurement {
  /// Seconds that opening the source took.
  let openingSeconds: Double
  /// Seconds a unit of `SourceWork.effort`; `nil` where nothing could be timed.
  private(set) var secondsPerEffort: Double?
  private(set) var operationsPerSecond = 0.0
  private(set) var payloadPerToken = 0.0
  /// Bytes of a cache without documents.
  private(set) var emptyFile = 0
  /// The file's growth over what its rows were reckoned at.
  private(set) var fileScale = 1.0

  /// - Parameters:
  ///   - budget: seconds that the sample may take.
  ///   - encrypted: whether the cache is that it stands for.
  ///   - shouldStop: asked after every pass.
  init(
    _ sample: [CorpusWindow], _ opened: OpenedSource, _ reading: SourceReading,
    _ streams: [(identity: CacheIdentity, codec: any StateCodec)], _ options: PrecomputeOptions,
    budget: Double,
    encrypted: Bool, shouldStop: () -> Bool
  ) throws {
    openingSeconds = opened.seconds
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-plan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = try reading.cacheSource()
    let cache = try FeatureCache.create(
      folder.appendingPathComponent("cache.sqlite").path, identity: streams[0].identity,
      source: source, codec: streams[0].codec, encrypted: encrypted)
    defer { try? cache.close() }
    let others = try streams.dropFirst().map {
      try cache.stream($0.identity, source: source, codec: $0.codec, beside: true)
    }
    emptyFile = try cache.fileBytes()
    try measure(
      sample, opened, reading, [cache] + others, options, budget: budget, shouldStop: shouldStop)
  }

  private mutating func measure(
    _ sample: [CorpusWindow], _ source: OpenedSource, _ reading: SourceReading,
    _ caches: [FeatureCache], _ options: PrecomputeOptions, budget: Double,
    shouldStop: () -> Bool
  ) throws {
    let stores = StreamStores(caches, run: nil)
    var (seconds, effort) = (0.0, 0.0)
    // The first passes of all windows: they touch memory for the first time, and count where there are
    // no others, as with documents that take seconds each.
    var first = (seconds: 0.0, effort: 0.0)
    var stored = StoredWork()
    var reckoned = CacheFootprint()
    var payload = 0
    var probes: [Double] = []
    do {
      for var window in sample.map(\.computedAlone) {
        probes.append(MatrixProbe.operationsPerSecond(repeats: 2))
        // By itself, since what the window before left, or the cache has, is not here.
        var planner = reading.windowPlanner(options, chunkTokens: caches[0].chunkTokens)
        window.schedule = planner.schedule(window.texts)
        let deadline = ContinuousClock.now + .seconds(budget / Double(sample.count))
        var last = ContinuousClock.now
        var isWarm = false
        _ = try WindowComputation(source, streams: caches).run(
          window, coverage: options.coverage,
          passed: { tally in
            let now = ContinuousClock.now
            let work = SourceWork(tokens: tally.tokens, attended: tally.attended, passes: 1)
            let done = work.effort(reading.configuration, layers: reading.highestLayer)
            if isWarm || seconds > 0 || window.schedule.passCount == 1 {
              seconds += (now - last).inSeconds
              effort += done
            } else {
              first.seconds += (now - last).inSeconds
              first.effort += done
            }
            isWarm = true
            last = now
            return now < deadline && !shouldStop()
          },
          emit: { place, entry in
            if place == 0 {
              stored.documents += 1
              reckoned.addDocuments(
                1, given: Double(entry.document.givenBytes), read: Double(entry.document.readBytes))
            }
            for record in entry.records {
              stored.records[record.ids.count, default: 0] += 1
              payload += record.byteCount
              reckoned.addRecords(
                1, tokens: record.ids.count, idWidth: TokenIDs.width(record.ids),
                payload: Double(record.byteCount))
            }
            try stores.add(place, entry)
          })
      }
    } catch {
      try? stores.finish()
      throw error
    }
    try stores.finish()
    if effort == 0 { (seconds, effort) = first }
    if effort > 0 { secondsPerEffort = seconds / effort }
    operationsPerSecond = probes.reduce(0, +) / Double(max(probes.count, 1))
    payloadPerToken = Double(payload) / Double(max(stored.recordTokens, 1))
    let growth = Double(try caches[0].fileBytes() - emptyFile)
    // A few pages more or less are no rule.
    if growth > 1e6 { fileScale = min(max(growth / reckoned.bytes, 0.9), 1.1) }
  }
}
