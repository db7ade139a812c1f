import ArgumentParser
import Evaluation
import Foundation
import Runs

/// Held-out figures of one or more runs.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Measure runs on the test documents: loss, exact match, and what the states are worth.")

  @OptionGroup var arguments: EvaluateArguments

  @Flag(help: "Print a line of JSON.")
  var json = false

  func run() throws {
    let report = try Self.perform(Evaluator(arguments.options()), arguments)
    if json { try Terminal.json(report) } else { Self.show(report) }
  }

  /// Runs the stage and keeps its report in every run's folder.
  static func perform(
    _ evaluator: Evaluator, _ arguments: EvaluateArguments
  ) throws -> EvaluationReport {
    var bars: [String: ProgressBar] = [:]
    let report = try evaluator.run { progress in
      let bar = bars[progress.arm] ?? ProgressBar("evaluate \(progress.arm)", unit: "documents")
      bars[progress.arm] = bar
      bar.update(progress.done, of: progress.total)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    for run in arguments.run {
      try RunFolder(run).write("report.json", try encoder.encode(report))
    }
    return report
  }

  /// The table: an arm a row.
  static func show(_ report: EvaluationReport) {
    let hasMatches = report.arms.contains { $0.exactMatch != nil }
    let hasFree = report.arms.contains { $0.freeRunningLoss != nil }
    var header = ["arm", "states", "documents"]
    if hasMatches { header += ["exact match", "minus \(report.baseline), 95% interval"] }
    header.append(hasFree ? "loss, teacher-forced" : "loss")
    if hasFree { header.append("loss, free-running") }
    if hasMatches { header.append("tokens/s") }
    var table = TextTable(header)
    func number(_ value: Double?, _ format: String) -> String {
      value.map { String(format: format, $0) } ?? "-"
    }
    for arm in report.arms {
      var row = [arm.name, arm.states, "\(arm.documents)"]
      if hasMatches {
        row.append(number(arm.exactMatch, "%.3f"))
        row.append(
          arm.difference.map {
            String(format: "%+.3f [%+.3f, %+.3f]", $0.mean, $0.lower, $0.upper)
          } ?? "-")
      }
      row.append(number(arm.loss, "%.3f"))
      if hasFree { row.append(number(arm.freeRunningLoss, "%.3f")) }
      if hasMatches { row.append(number(arm.tokensPerSecond, "%.0f")) }
      table.add(row)
    }
    Terminal.result(table.text)
  }
}
