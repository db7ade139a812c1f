import FeatureCache
import Foundation
import Generators
import Identity
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
    let trainer = try trainer(observer)
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

  /// What training from the cache will take.
  public func plan(_ observer: any StageObserver) throws -> TrainingPlan {
    try trainer(observer).plan(operationsPerSecond: MatrixProbe.operationsPerSecond())
  }

  private func trainer(_ observer: any StageObserver) throws -> Trainer {
    let trainer = try Trainer(
      cache: cache, streams: streams.isEmpty ? [.only] : streams.map { .number($0) }, run: run,
      design: design, options: options,
      generatorTokenizer: try generatorTokenizer())
    if design.mask == .published { observer.hear(.publishedMask) }
    if !design.unusedFlags.isEmpty {
      observer.hear(
        .remark(
          Self.stage,
          "\(design.unusedFlags.joined(separator: ", ")) not used: the decoder is as --from has it")
      )
    }
    return trainer
  }

  /// The tokenizer in the folder of a pretrained generator; the source's otherwise.
  private func generatorTokenizer() throws -> Tokenizer? {
    try (tokenizer ?? design.pretrained).map { try Tokenizer.load(try ModelFolder.open($0)) }
  }

  /// A generator that can't be built, or can't write, is known before its cache is filled.
  public func check(after earlier: [any StageRequest]) throws {
    try design.check(options)
    guard let source = earlier.compactMap({ ($0 as? PrecomputeRequest)?.source }).last else {
      return
    }
    let own = try generatorTokenizer()
    // A model that is still to be fetched says nothing yet.
    guard let tokenizer = own ?? (try? Tokenizer.load(try ModelFolder.open(source))) else { return }
    guard tokenizer.canWriteText, tokenizer.endOfTextID != nil else {
      throw TrainingError.noWriting(isSources: own == nil)
    }
  }

  /// Trains, or goes on with the run that its folder holds.
  public func run(in pipeline: inout PipelineWork, settings: String) throws {
    let report = try run(resume: RunFolder(run).exists, pipeline.observer)
    pipeline.rates.addTraining(report)
  }

  /// Plans the training on what an earlier section caches; where none does, on what its cache has.
  public func plan(in plan: inout PipelinePlan) throws {
    guard let cached = plan.cached else {
      if FileManager.default.fileExists(atPath: cache) {
        try plan.observer.receive(.trainingPlanned(try self.plan(plan.observer)))
      }
      return
    }
    // Of a tokenizer that is not there yet, as of a source without one, the size is the source's.
    let tokenizer = (try? generatorTokenizer()) ?? nil
    func sizes(_ split: DocumentSplit) -> [DocumentSize] {
      (cached.sizes[split] ?? []).map {
        DocumentSize(
          prompt: $0.prompt, response: $0.response,
          states: [options.states == .none ? 0 : $0.states])
      }
    }
    let planned = try TrainingPlan(
      run, design, options, training: sizes(.train), validation: sizes(.validation),
      sourceWidths: [cached.width],
      vocabularySize: tokenizer?.vocabularySize ?? cached.vocabularySize,
      operationsPerSecond: MatrixProbe.operationsPerSecond())
    try plan.observer.receive(.trainingPlanned(planned))
  }
}
