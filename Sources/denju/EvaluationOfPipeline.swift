import Evaluation
import Foundation
import Runs

/// An evaluation that is not done again while what it asks is what it was: the report that is kept says of what
/// it is.
struct EvaluationOfPipeline {
  private let arguments: EvaluateArguments

  init(_ arguments: EvaluateArguments) {
    self.arguments = arguments
  }

  func report() throws -> EvaluationReport {
    let evaluator = try Evaluator(arguments.options())
    let folder = RunFolder(arguments.run.first ?? "")
    if let kept = FileManager.default.contents(atPath: folder.file("evaluated.json")),
      let old = try? JSONDecoder().decode(EvaluationReport.self, from: kept),
      old.asked == (try evaluator.asked())
    {
      Terminal.note("evaluate: done already")
      return old
    }
    let report = try Evaluate.perform(evaluator, arguments)
    try folder.write("evaluated.json", try JSONEncoder().encode(report))
    return report
  }
}
