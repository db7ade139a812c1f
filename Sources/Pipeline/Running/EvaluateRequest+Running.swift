import Evaluation
import FeatureCache
import Foundation
import Runs

extension EvaluateRequest {
  /// Measures the runs, and keeps the report in every run's folder.
  @discardableResult
  public func run(_ observer: any StageObserver) throws -> EvaluationReport {
    let report = try measure(try Evaluator(options), observer)
    try observer.receive(.evaluated(report))
    return report
  }

  private func measure(
    _ evaluator: Evaluator, _ observer: any StageObserver
  ) throws -> EvaluationReport {
    let report = try evaluator.run { observer.hear(.evaluating($0)) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    for run in options.runs {
      try RunFolder(run).write("report.json", try encoder.encode(report))
    }
    return report
  }

  /// The report that is kept in the first run's folder, while what it asked is what is asked now; otherwise a
  /// new one, which is kept.
  private func keptOrMeasured(_ observer: any StageObserver) throws -> EvaluationReport {
    let evaluator = try Evaluator(options)
    let folder = RunFolder(options.runs.first ?? "")
    if let kept = FileManager.default.contents(atPath: folder.file("evaluated.json")),
      let old = try? JSONDecoder().decode(EvaluationReport.self, from: kept),
      old.asked == (try evaluator.asked())
    {
      observer.hear(.evaluationKept)
      return old
    }
    let report = try measure(evaluator, observer)
    try folder.write("evaluated.json", try JSONEncoder().encode(report))
    return report
  }

  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    let report = try keptOrMeasured(pipeline.observer)
    if options.fewShot > 0 {
      pipeline.shots = SourceShots(
        count: options.fewShot, seed: options.seed, cache: report.cache)
    }
    try pipeline.observer.receive(.evaluated(report))
    let cache = try FeatureCache.open(report.cache, stream: .first)
    defer { try? cache.close() }
    try pipeline.rates.addPrecompute(cache)
    for arm in report.arms { pipeline.rates.addDecoding(arm.name, arm.tokensPerSecond) }
    try pipeline.observer.receive(.rates(pipeline.rates))
  }
}
