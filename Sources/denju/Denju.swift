import ArgumentParser
import Foundation
import Numerics
import Pipeline

/// The program: one verb a file.
@main
struct Denju: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "denju",
    abstract: "Lets a small model write with a frozen large model's knowledge.",
    discussion: """
      precompute runs the frozen source over a corpus and stores its hidden states in SQLite; train \
      trains a small generator from that cache alone; generate and serve write with it.
      """,
    version: "0.1.0",
    subcommands: [
      Inspect.self, Tokenize.self, States.self, PrecomputeCommand.self, CacheCommand.self,
      ProbeCommand.self, Train.self, ImportCheckpoint.self, Export.self, Evaluate.self,
      Generate.self, Serve.self,
      PipelineCommand.self, Bench.self,
    ])

  /// Every error is one line on stderr: status 64 where the command line was wrong, 1 where the work
  /// failed, 130 where a signal ended it.
  static func main() async {
    Terminal.holdStreams()
    Interruption.watch()
    do {
      var command = try parseAsRoot()
      try Numerics.checkEnvironment()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch is StageInterruption {
      Foundation.exit(Interruption.exitStatus)
    } catch {
      if isHelp(error) { exit(withError: error) }
      if exitCode(for: error) == .validationFailure {
        Terminal.message(
          "denju: \(Failure.line(message(for: error))); --help says what a command takes")
        Foundation.exit(ExitCode.validationFailure.rawValue)
      }
      Terminal.message("denju: \(Failure.line(error))")
      Foundation.exit(1)
    }
  }

  private static func isHelp(_ error: any Error) -> Bool {
    exitCode(for: error) == .success
  }
}

/// What an option says, judged by the part of the program that it is for.
enum Usage {
  /// Throws what `check` throws as a mistake of the command line's.
  @discardableResult
  static func require<Value>(_ check: () throws -> Value) throws -> Value {
    do {
      return try check()
    } catch let error as ValidationError {
      throw error
    } catch {
      throw ValidationError(Failure.line(error))
    }
  }
}

/// Any error as one line.
enum Failure {
  static func line(_ error: any Error) -> String {
    if let error = error as? CocoaError {
      return line(
        [error.filePath ?? error.url?.path, error.localizedDescription]
          .compactMap(\.self).joined(separator: ": "))
    }
    return line("\(error)")
  }

  static func line(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
