import Evaluation
import Foundation
import Generation
import Pipeline
import Precompute
import Training

/// Prints what stages say: results on stdout, how far they have come on stderr. Ctrl-C asks them to stop.
final class StagePrinter: StageObserver {
  private let json: Bool
  /// The bar of the stage that runs, or of each run that is evaluated, by its title.
  private var bars: [String: ProgressBar] = [:]
  private var stageBar: ProgressBar?
  /// The last validation loss of the training that runs, as its line says it.
  private var validation = ""

  /// - Parameter json: print evaluations, answers and plans as lines of JSON.
  init(json: Bool) {
    self.json = json
  }

  var isStopAsked: Bool { Interruption.isAsked }

  func hear(_ progress: StageProgress) {
    switch progress {
    case .begins(let stage, let name):
      validation = ""
      stageBar = ProgressBar(
        [stage.rawValue, name].compactMap(\.self).joined(separator: " "),
        unit: stage == .train ? "steps" : "documents")
    case .remark(let stage, let text):
      Terminal.message("\(stage.rawValue): \(text)")
    case .precomputing(let progress, let plan):
      stageBar?.update(
        progress.documents, of: plan.documents,
        progress.tokens > 0 ? "\(Int(progress.tokensPerSecond)) tokens/s" : "")
    case .publishedMask:
      Terminal.message(
        "train: mask published lets every position see the states of later tokens, the answer among them: "
          + "its loss is no language model's, and is for replication alone")
    case .training(let progress):
      show(progress)
    case .evaluating(let progress):
      let bar = bars[progress.arm] ?? ProgressBar("evaluate \(progress.arm)", unit: "documents")
      bars[progress.arm] = bar
      bar.update(progress.done, of: progress.total)
    case .evaluationKept:
      Terminal.message("evaluate: done already")
    case .answering(let prompt, let count):
      if count > 1, !json { Terminal.result("> \(prompt)") }
    case .answerPart(let text):
      if !json { Terminal.resultPart(text) }
    }
  }

  private func show(_ progress: Trainer.Progress) {
    if let loss = progress.validationLoss {
      validation = String(format: ", validation %.3f", loss)
    }
    stageBar?.update(
      progress.step, of: progress.steps,
      String(
        format: "epoch %ld, loss %.3f%@, %.0f tokens/s", progress.epoch, progress.loss, validation,
        progress.tokensPerSecond))
  }

  func receive(_ result: StageResult) throws {
    switch result {
    case .precomputed(let report):
      Terminal.message(report.summary)
      if report.interrupted {
        Terminal.message("precompute: stopped; run the same command again to go on")
      }
    case .trained(let report):
      Terminal.message(report.summary)
      if report.interrupted {
        Terminal.message("train: stopped; run the same command with --resume to go on")
      }
    case .evaluated(let report):
      bars = [:]
      try print(report, report.table)
    case .answered(let result, let reference):
      try print(AnswerLine(result: result, reference: reference), "")
      if !json { reference?.lines.forEach(Terminal.result) }
      Terminal.message(result.summary)
    case .rates(let rates):
      if !json { rates.print() }
    case .precomputePlanned(let plan):
      if json { try Terminal.json(plan) } else { Terminal.facts(plan.facts) }
    case .trainingPlanned(let plan):
      try print(plan, plan.summary)
    }
  }

  /// A result as a line of JSON, or as text.
  private func print(_ result: some Encodable, _ text: String) throws {
    if json { try Terminal.json(result) } else { Terminal.result(text) }
  }
}
