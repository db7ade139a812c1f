import ArgumentParser
import Foundation
import ModelFiles
import Tokenization
import Training

/// Stage two: a generator from the cache.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a generator from the cache alone; the source is not needed.",
    discussion:
      "A run that was ended goes on with --resume, to the same bits as if it had not been.")

  @OptionGroup var arguments: TrainArguments

  @Flag(help: "Print the result as a line of JSON.")
  var json = false

  func run() throws {
    let report = try Self.perform(arguments, resume: arguments.resume)
    if json { try Terminal.json(report) }
  }

  /// Runs the stage with a progress bar; ends the program with status 130 after a signal.
  @discardableResult
  static func perform(_ arguments: TrainArguments, resume: Bool) throws -> TrainingReport {
    let design = arguments.design()
    if design.mask == .published {
      Terminal.note(
        "train: mask published lets every position see the states of later tokens, the answer among them: "
          + "its loss is no language model's, and is for replication alone")
    }
    let trainer = try Trainer(
      cache: arguments.cache, stream: arguments.stream.choice, run: arguments.run, design: design,
      options: arguments.options(),
      generatorTokenizer: try generatorTokenizer(arguments))
    let bar = ProgressBar("train \((arguments.run as NSString).lastPathComponent)", unit: "steps")
    var validation = ""
    let report = try trainer.run(resume: resume) { progress in
      if let loss = progress.validationLoss {
        validation = String(format: ", validation %.3f", loss)
      }
      bar.update(
        progress.step, of: progress.steps,
        String(
          format: "epoch %d, loss %.3f%@, %.0f tokens/s", progress.epoch, progress.loss, validation,
          progress.tokensPerSecond))
    } shouldStop: {
      Interruption.isAsked
    }
    Terminal.note(summary(report))
    if report.interrupted {
      Terminal.note("train: stopped; run the same command with --resume to go on")
      throw ExitCode(Interruption.exitStatus)
    }
    return report
  }

  /// The one that was named, or that of a pretrained generator; the source's otherwise.
  private static func generatorTokenizer(_ arguments: TrainArguments) throws -> Tokenizer? {
    try (arguments.tokenizer ?? arguments.from).map {
      try Tokenizer.load(try ModelFolder.open($0))
    }
  }

  private static func summary(_ report: TrainingReport) -> String {
    let losses = [
      report.firstLoss.map { String(format: "first loss %.3f", $0) },
      String(format: "last epoch %.3f", report.trainLoss),
      report.bestValidationLoss.map { String(format: "best validation %.3f", $0) },
    ].compactMap { $0 }.joined(separator: ", ")
    return
      "train: \(report.run)\(report.wasFinished ? " was finished already" : ""): \(report.steps) steps, "
      + "\(report.epochs) epochs, \(losses), \(report.parameters) parameters, "
      + "\(ProgressBar.duration(report.seconds)), \(Int(report.tokensPerSecond)) tokens/s"
  }
}
