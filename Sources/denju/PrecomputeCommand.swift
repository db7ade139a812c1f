import ArgumentParser
import Foundation
import ModelFiles
import Precompute

/// Stage one: a corpus through the frozen source, into the cache.
struct PrecomputeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "precompute",
    abstract: "Run the source over a corpus and store its hidden states.",
    discussion: """
      What is stored already is not computed again, so a run that was ended goes on where it was.
      """)

  @OptionGroup var arguments: PrecomputeArguments

  @Flag(
    help: "Say what there is to do and how long and large it will be; a sample runs for seconds.")
  var plan = false

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  func run() throws {
    if plan {
      try Self.show(try Self.plan(arguments), json: json)
    } else {
      let work = try Precompute(try arguments.options())
      let report = try Self.perform(
        work, settings: CommandLine.arguments.dropFirst().joined(separator: " "))
      if json { try Terminal.json(report) }
    }
  }

  /// What there is to do: exact where the source's tokenizer is there, else estimated.
  static func plan(_ arguments: PrecomputeArguments) throws -> PrecomputePlan {
    let options = try arguments.options()
    if let folder = try? ModelFolder.open(options.source), (try? folder.tokenizerFiles) == nil {
      return try Precompute.estimate(options)
    }
    do {
      return try Precompute(options).plan { Interruption.isAsked }
    } catch PrecomputeError.interrupted {
      throw ExitCode(Interruption.exitStatus)
    }
  }

  /// Runs the stage with a progress bar; ends the program with status 130 after a signal.
  @discardableResult
  static func perform(_ work: Precompute, settings: String) throws -> PrecomputeReport {
    let bar = ProgressBar("precompute", unit: "documents")
    let settings = String(
      decoding: try JSONEncoder().encode(["arguments": settings]), as: UTF8.self)
    work.note = { Terminal.note("precompute: \($0)") }
    let report = try work.run(settings: settings) { progress, plan in
      bar.update(
        progress.documents, of: plan.documents,
        progress.tokens > 0 ? "\(Int(progress.tokensPerSecond)) tokens/s" : "")
    } shouldStop: {
      Interruption.isAsked
    }
    Terminal.note(summary(report))
    if report.interrupted {
      Terminal.note("precompute: stopped; run the same command again to go on")
      throw ExitCode(Interruption.exitStatus)
    }
    return report
  }

  private static func summary(_ report: PrecomputeReport) -> String {
    let outcomes = report.outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    return "precompute: \(report.documents) documents (\(outcomes.joined(separator: ", "))), "
      + "\(report.tokens) tokens computed in \(ProgressBar.duration(report.seconds))"
      + (report.tokens > 0 ? ", \(Int(report.tokensPerSecond)) tokens/s" : "")
      + ", \(ProgressBar.bytes(report.bytes)) added"
      + (report.tokens > 0 ? ", cores idle \(Int((100 * report.idleShare).rounded()))%" : "")
      + (report.precisionError.map { String(format: ", %.1f%% from float32's states", 100 * $0) }
        ?? "")
  }

  static func show(_ plan: PrecomputePlan, json: Bool) throws {
    if json { return try Terminal.json(plan) }
    let facts: [(String, String)] =
      [
        ("documents", "\(plan.documents)"),
        ("tokens", "\(plan.tokens)\(plan.estimated ? " (estimated from bytes)" : "")"),
        ("nothing to compute for", "\(plan.cachedDocuments) documents"),
        (
          "to compute",
          "\(plan.tokensToCompute) tokens"
            + (plan.tokensToCompute < plan.tokensBeforeSharing
              ? ", of \(plan.tokensBeforeSharing) before shared prefixes" : "")
        ),
        (
          "arithmetic",
          String(format: "%.3g floating-point operations", plan.floatingPointOperations)
        ),
        (
          "time",
          "about \(ProgressBar.duration(plan.seconds)) on this machine"
            + (plan.measured ? ", by a sample" : "")
            + (plan.fitted.map { "; and up to some minutes to fit \($0)" } ?? "")
        ),
        ("cache grows by", "about \(ProgressBar.bytes(plan.bytes))"),
      ] + plan.outcomes.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    Terminal.facts(facts)
  }
}
