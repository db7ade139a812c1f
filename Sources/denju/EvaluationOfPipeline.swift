import Evaluation
import Foundation
import GenerationModule

/// An evaluation that is not done again while its runs and options are what they were.
struct EvaluationOfPipeline {
  private let arguments: EvaluateArguments

  init(_ arguments: EvaluateArguments) {
    self.arguments = arguments
  }

  func report() throws -> EvaluationReport {
    let key = try fingerprint()
    let folder = RunFolder(arguments.run.first ?? "")
    if let kept = FileManager.default.contents(atPath: folder.file("evaluated.json")),
      let old = try? JSONDecoder().decode(Kept.self, from: kept), old.key == key
    {
      Terminal.note("evaluate: done already")
      return old.report
    }
    let report = try Evaluate.perform(arguments)
    try folder.write("evaluated.json", try JSONEncoder().encode(Kept(key: key, report: report)))
    return report
  }

  private struct Kept: Codable {
    let key: String
    let report: EvaluationReport
  }

  /// The options, and the bytes that say what each run's best checkpoint is.
  private func fingerprint() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var parts = [String(decoding: try encoder.encode(arguments.options()), as: UTF8.self)]
    for run in arguments.run {
      let folder = RunFolder(run)
      for path in [
        folder.file("run.json"), (folder.best as NSString).appendingPathComponent("training.json"),
      ] {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        parts.append(String(decoding: data, as: UTF8.self))
      }
    }
    return parts.joined(separator: "\n")
  }
}
