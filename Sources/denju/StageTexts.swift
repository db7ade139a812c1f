import Evaluation
import Foundation
import Generation
import Pipeline
import Precompute
import Training

extension PrecomputeReport {
  /// What was computed, in one line.
  var summary: String {
    let outcomes = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    return "precompute: \(documents) documents (\(outcomes.joined(separator: ", "))), "
      + "\(tokens) tokens computed in \(ProgressBar.duration(seconds))"
      + (tokens > 0 ? ", \(Int(tokensPerSecond)) tokens/s" : "")
      + ", \(ProgressBar.bytes(bytes)) added"
      + (tokens > 0 ? ", cores idle \(Int((100 * idleShare).rounded()))%" : "")
      + (precisionError.map { String(format: ", %.1f%% from float32's states", 100 * $0) } ?? "")
  }
}

extension PrecomputePlan {
  /// What there is to compute, as facts one a line.
  var facts: [(name: String, value: String)] {
    [
      ("documents", "\(documents)"),
      ("tokens", "\(tokens)\(estimated ? " (estimated from bytes)" : "")"),
      ("nothing to compute for", "\(cachedDocuments) documents"),
      (
        "to compute",
        "\(tokensToCompute) tokens"
          + (tokensToCompute < tokensBeforeSharing
            ? ", of \(tokensBeforeSharing) before shared prefixes" : "")
      ),
      ("arithmetic", String(format: "%.3g floating-point operations", floatingPointOperations)),
      (
        "time",
        "about \(ProgressBar.duration(seconds)) on this machine"
          + (measured ? ", by a sample" : "")
          + (fitted.map { "; and up to some minutes to fit \($0)" } ?? "")
      ),
      ("cache grows by", "about \(ProgressBar.bytes(bytes))"),
    ] + outcomes.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
  }
}

extension TrainingReport {
  /// How the training ended, in one line.
  var summary: String {
    let losses = [
      firstLoss.map { String(format: "first loss %.3f", $0) },
      String(format: "last epoch %.3f", trainLoss),
      bestValidationLoss.map { String(format: "best validation %.3f", $0) },
    ].compactMap { $0 }.joined(separator: ", ")
    return "train: \(run)\(wasFinished ? " was finished already" : ""): \(steps) steps, "
      + "\(epochs) epochs, \(losses), \(parameters) parameters, "
      + "\(ProgressBar.duration(seconds)), \(Int(tokensPerSecond)) tokens/s"
  }
}

extension TrainingPlan {
  /// What the training will take, in one line.
  var summary: String {
    String(
      format:
        "train %@: %ld parameters, %ld tokens in %ld epochs, %.3g floating-point operations, about %@; memory "
        + "%@: weights %@, gradients and moments %@, activations %@",
      run, parameters, tokens, epochs, floatingPointOperations, ProgressBar.duration(seconds),
      ProgressBar.bytes(memoryBytes), ProgressBar.bytes(weightBytes),
      ProgressBar.bytes(optimizerBytes), ProgressBar.bytes(activationBytes))
  }
}

extension EvaluationReport {
  /// The table of the runs: an arm a row.
  var table: String {
    let hasMatches = arms.contains { $0.exactMatch != nil }
    let hasFree = arms.contains { $0.freeRunningLoss != nil }
    var header = ["arm", "states", "documents"]
    if hasMatches { header += ["exact match", "minus \(baseline), 95% interval"] }
    header.append(hasFree ? "loss, teacher-forced" : "loss")
    if hasFree { header.append("loss, free-running") }
    if hasMatches { header += ["tokens/s", "ms/answer"] }
    var table = TextTable(header)
    func number(_ value: Double?, _ format: String) -> String {
      value.map { String(format: format, $0) } ?? "-"
    }
    for arm in arms {
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
      if hasMatches {
        row.append(number(arm.tokensPerSecond, "%.0f"))
        row.append(number(arm.secondsPerAnswer.map { $0 * 1000 }, "%.1f"))
      }
      table.add(row)
    }
    return table.text
  }
}

extension GenerationResult {
  /// What the answer took, and where its states were from, in one line.
  var summary: String {
    String(
      format:
        "states of %ld tokens %@ in %.1f ms, prefill %.1f ms, %ld tokens in %.1f ms (%.0f tokens/s), %@",
      promptTokens, states.rawValue, 1000 * statesSeconds, 1000 * prefillSeconds, tokens,
      1000 * decodeSeconds, tokensPerSecond, "ended by \(finish.rawValue)")
  }
}

extension AnswerReference {
  /// What an answer is to be held against, a line each.
  var lines: [String] {
    func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    return [
      source.map { "source itself, \($0.fewShot)-shot: \(trimmed($0.text))" },
      expected.map { "expected: \(trimmed($0))" },
    ].compactMap(\.self)
  }
}

/// An answer with what it is to be held against, as one line of JSON.
struct AnswerLine: Encodable {
  let result: GenerationResult
  let reference: AnswerReference?

  func encode(to encoder: any Encoder) throws {
    try result.encode(to: encoder)
    try reference?.encode(to: encoder)
  }
}

extension StageRates {
  /// Prints the table that stands after the evaluation's, and what a token takes in the cache.
  func print() {
    var table = TextTable(["stage", "tokens/s"])
    for rate in rates { table.add([rate.stage, "\(Int(rate.tokensPerSecond.rounded()))"]) }
    Terminal.result("")
    Terminal.result(table.text)
    Terminal.result("")
    Terminal.result(
      "cache: \(stateBytes / storedTokens) bytes a token, as float32 \(float32Bytes / storedTokens)"
    )
    Terminal.result("")
  }
}
