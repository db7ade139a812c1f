import Architectures
import Foundation
import ModelFiles
import Precompute

extension PrecomputeRequest {
  /// Computes what is missing in the cache.
  ///
  /// - Parameter settings: the options as they were given, noted in the cache.
  @discardableResult
  public func run(settings: String, _ observer: any StageObserver) throws -> PrecomputeReport {
    let work = try Precompute(try options())
    observer.hear(.begins(Self.stage, name: nil))
    let noted = String(
      decoding: try JSONEncoder().encode(["arguments": settings]), as: UTF8.self)
    work.note = { observer.hear(.remark(Self.stage, $0)) }
    let report = try work.run(settings: noted) {
      observer.hear(.precomputing($0, $1))
    } shouldStop: {
      observer.isStopAsked
    }
    try observer.receive(.precomputed(report))
    if report.interrupted { throw StageInterruption() }
    return report
  }

  /// What there is to do: exact where the source's tokenizer is there, else estimated.
  public func plan(_ observer: any StageObserver) throws -> PrecomputePlan {
    let options = try options()
    if let folder = try? ModelFolder.open(options.source), (try? folder.tokenizerFiles) == nil {
      return try Precompute.estimate(options)
    }
    do {
      return try Precompute(options).plan { observer.isStopAsked }
    } catch PrecomputeError.interrupted {
      throw StageInterruption()
    }
  }

  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    try run(settings: settings, pipeline.observer)
  }

  public func plan(in plan: inout PipelinePlan) throws {
    let planned = try self.plan(plan.observer)
    let configuration = try ModelFolder.open(source).architecture()
    if planned.trainingTokens > 0 {
      plan.cached = .init(
        sizes: planned.sizes, width: configuration.width,
        vocabularySize: configuration.vocabularySize)
    }
    try plan.observer.receive(.precomputePlanned(planned))
  }
}
