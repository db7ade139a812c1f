import Foundation
import ModelFiles
import Precompute
import Runs
import Tokenization
import Training

extension TrainRequest {
  /// Trains the generator.
  ///
  /// - Parameter resume: whether it goes on with the run in the folder.
  @discardableResult
  public func run(resume: Bool, _ observer: any StageObserver) throws -> TrainingReport {
    let design = design
    if design.mask == .published { observer.hear(.publishedMask) }
    let trainer = try Trainer(
      cache: cache, stream: stream.choice, run: run, design: design, options: options,
      generatorTokenizer: try generatorTokenizer())
    observer.hear(.begins(Self.stage, name: (run as NSString).lastPathComponent))
    let report = try trainer.run(resume: resume) {
      observer.hear(.training($0))
    } shouldStop: {
      observer.isStopAsked
    }
    try observer.receive(.trained(report))
    if report.interrupted { throw StageInterruption() }
    return report
  }

  /// The tokenizer in the folder of a pretrained generator; the source's otherwise.
  private func generatorTokenizer() throws -> Tokenizer? {
    try (tokenizer ?? design.pretrained).map { try Tokenizer.load(try ModelFolder.open($0)) }
  }

  /// Trains, or goes on with the run that its folder holds.
  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    let report = try run(resume: RunFolder(run).exists, pipeline.observer)
    pipeline.rates.addTraining(report)
  }

  /// Plans the training on what an earlier section caches.
  public func plan(in plan: inout PipelinePlan) throws {
    guard plan.trainingTokens > 0 else { return }
    let planned = try TrainingPlan(
      run, design, options, tokens: plan.trainingTokens, sourceWidth: plan.sourceWidth,
      vocabularySize: plan.vocabularySize,
      operationsPerSecond: MatrixProbe.operationsPerSecond())
    try plan.observer.receive(.trainingPlanned(planned))
  }
}
