import Evaluation
import Generation
import Precompute
import Training

/// Whoever has stages run: hears how far they have come and what came out, and is asked whether they shall
/// stop.
///
/// For one thread.
public protocol StageObserver: AnyObject {
  func hear(_ progress: StageProgress)

  /// Throws where the result can't be passed on, which ends the stage.
  func receive(_ result: StageResult) throws

  /// Whether the work shall stop at its next safe point.
  var isStopAsked: Bool { get }
}

/// What stages say while they run.
public enum StageProgress {
  /// A stage begins; `name` is its run's where there is one.
  case begins(PipelineFile.Stage, name: String?)
  /// Something that its user should know, as one line.
  case remark(PipelineFile.Stage, String)
  case precomputing(Precompute.Progress, PrecomputePlan)
  /// The mask lets every position see later states: the loss is no language model's.
  case publishedMask
  case training(Trainer.Progress)
  case evaluating(Evaluator.Progress)
  /// The report that was kept still answers what is asked.
  case evaluationKept
  /// A prompt is about to be answered, one of `count`.
  case answering(prompt: String, count: Int)
  case answerPart(String)
}

/// What comes out of a stage, or of the plan for one.
public enum StageResult {
  case precomputed(PrecomputeReport)
  case trained(TrainingReport)
  case evaluated(EvaluationReport)
  /// What the answer is to be held against, where that is looked for.
  case answered(GenerationResult, AnswerReference?)
  /// How fast the stages of a pipeline were, once its runs are evaluated.
  case rates(StageRates)
  case precomputePlanned(PrecomputePlan)
  case trainingPlanned(TrainingPlan)
}

/// The work was asked to stop, and did; what was done by then is kept.
public struct StageInterruption: Error, Equatable, Sendable {}
