import FeatureCache
import Foundation
import Numerics

/// A run under way: windows come from a thread that reads ahead, states and records are computed here
/// and on the compute team, and entries go to a thread that stores them.
final class PrecomputeWork {
  /// A layer each, of one file.
  private let streams: [FeatureCache]
  private let run: RunID
  private let options: PrecomputeOptions
  private let reading: SourceReading
  private let began = ContinuousClock.now
  private let processor = processorSeconds()
  private var probes = RateProbes()
  private var computation: WindowComputation?
  /// Seconds that opening the source took, where the plan did it.
  private var openingSeconds = 0.0
  var report: PrecomputeReport

  init(
    streams: [FeatureCache], run: RunID, reading: SourceReading, options: PrecomputeOptions,
    plan: PrecomputePlan
  ) {
    self.streams = streams
    self.run = run
    self.options = options
    self.reading = reading
    report = PrecomputeReport(plan: plan)
  }

  /// What the cache notes of the run.
  var runProgress: RunProgress {
    var progress = RunProgress()
    progress.documents = report.documents
    progress.tokens = report.tokens
    progress.bytes = report.bytes
    progress.seconds = report.seconds
    progress.outcomes = report.outcomes
    progress.measures = [
      "file bytes": Double(report.fileBytes),
      "idle share": (report.idleShare * 1000).rounded() / 1000,
    ]
    if let error = report.precisionError { progress.measures["error against float32"] = error }
    return progress
  }

  /// Runs the spool's documents, to the end or until it is to stop.
  func run(
    _ spool: DocumentSpool, source: () throws -> OpenedSource,
    progress: (Precompute.Progress, PrecomputePlan) -> Void, shouldStop: () -> Bool
  ) throws {
    let windows = WindowStream(
      spool, reading.windowCutter(options, chunkTokens: streams[0].chunkTokens))
    defer { windows.close() }
    let store = StreamStores(streams, run: run)
    do {
      while let window = try windows.next() {
        let goesOn = try compute(window, store, source, progress, shouldStop)
        show(store, progress)
        if !goesOn || shouldStop() {
          report.interrupted = true
          break
        }
      }
    } catch {
      // What was handed on before is sound, and kept.
      try? store.finish()
      updateReport(store)
      throw error
    }
    defer { updateReport(store) }
    try store.finish()
    show(store, progress)
  }

  /// Runs one window; false when it was to be ended.
  private func compute(
    _ window: CorpusWindow, _ store: StreamStores, _ source: () throws -> OpenedSource,
    _ progress: (Precompute.Progress, PrecomputePlan) -> Void, _ shouldStop: () -> Bool
  ) throws -> Bool {
    func emit(_ place: Int, _ entry: CacheEntry) throws {
      try store.add(place, entry)
      if place == 0 { report.documents += 1 }
    }
    guard !window.texts.isEmpty else {
      for place in streams.indices {
        var entries = WindowEntries(window, coverage: options.coverage)
        try entries.emitAllDone { try emit(place, $0) }
      }
      return true
    }
    probes.probeIfDue()
    return try computation(source).run(
      window, coverage: options.coverage,
      passed: { tally in
        report.tokens += tally.tokens
        show(store, progress)
        return !shouldStop()
      }, emit: emit)
  }

  private func computation(_ source: () throws -> OpenedSource) throws -> WindowComputation {
    if let computation { return computation }
    let before = ContinuousClock.now
    let opened = try source()
    // Opened for the plan, it is still part of the work.
    openingSeconds = max(opened.seconds - (ContinuousClock.now - before).inSeconds, 0)
    report.precisionError = opened.precisionError
    let new = try WindowComputation(opened, streams: streams)
    computation = new
    return new
  }

  private func updateReport(_ store: StreamStores) {
    let wall = (ContinuousClock.now - began).inSeconds
    let busy = processorSeconds() - processor
    let stored = store.report
    report.seconds = wall + openingSeconds
    report.idleShare = max(1 - busy / max(wall * Double(ThreadTeam.shared.count), 1e-9), 0)
    report.operationsPerSecond = probes.mean
    report.bytes = stored.bytes
    report.outcomes = report.plan.outcomes
    report.outcomes["stored"] = stored.stored
    if stored.present > 0 { report.outcomes["present"] = stored.present }
    if stored.extended > 0 { report.outcomes["extended"] = stored.extended }
    if stored.moved > 0 { report.outcomes["moved to another set"] = stored.moved }
  }

  private func show(
    _ store: StreamStores, _ progress: (Precompute.Progress, PrecomputePlan) -> Void
  ) {
    updateReport(store)
    progress(
      Precompute.Progress(
        documents: report.documents, tokens: report.tokens, seconds: report.seconds),
      report.plan)
  }
}
