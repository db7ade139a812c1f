import ArgumentParser
import Numerics

/// The command whose subcommands measure what this machine does.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure speed beside other programs, and what a precision costs.",
    subcommands: [
      BenchPrecompute.self, BenchEngines.self, BenchEngine.self, BenchLoss.self,
      BenchAnswers.self, BenchCache.self,
    ])
}

extension Precision {
  /// Reads a list, as "float32,int8".
  static func list(_ text: String) throws -> [Precision] {
    try BenchList.parse(text) { Precision(rawValue: $0) }
  }
}

/// Reads values that are separated by commas.
enum BenchList {
  static func parse<Value>(_ text: String, _ value: (String) -> Value?) throws -> [Value] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let value = value(String(part)) else {
        throw ValidationError("\(part) in the list \(text) is not known here")
      }
      return value
    }
  }
}
