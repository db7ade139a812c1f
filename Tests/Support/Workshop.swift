import FeatureCache
import Foundation
import Testing

/// A folder of its own with a tiny source and a corpus of three files, and the program run there.
package final class Workshop {
  private let temporary: TemporaryFolder
  package let source: TinySource
  /// Sets of documents by file, as `train.jsonl`.
  package static let sizes = ["train": 24, "validation": 6, "test": 6]

  package init() throws {
    temporary = try TemporaryFolder()
    source = try TinySource(temporary.path("source"))
    var first = 0
    for (name, count) in Self.sizes.sorted(by: { $0.key < $1.key }) {
      try write("\(name).jsonl", Self.rows(first..<first + count))
      first += count
    }
  }

  package var folder: String { temporary.path }
  package func path(_ name: String) -> String { temporary.path(name) }
  package var cache: String { path("cache.sqlite") }

  package func write(_ name: String, _ text: String) throws { try temporary.write(name, text) }
  package func bytes(_ name: String) throws -> Data { try temporary.bytes(name) }

  // MARK: The corpus

  /// Rows whose answers follow from the prompts' numbers.
  package static func rows(_ numbers: Range<Int>) -> String {
    numbers.map { number in
      #"{"prompt": "\#(prompt(number))", "response": " \#(["red", "green", "blue"][number % 3])."}"#
        + "\n"
    }.joined()
  }

  package static func prompt(_ number: Int) -> String { "The thing \(number * 37 % 1000) is" }

  /// A prompt of the training set, whose states are cached, and one that is in no file.
  package static let cachedPrompt = prompt(6)
  package static let newPrompt = "The thing that nobody asked about is"

  /// Rewrites the three files' rows as conversations.
  package func writeConversations() throws {
    for name in Self.sizes.keys {
      let lines = try temporary.text("\(name).jsonl").split(separator: "\n").map { line in
        let row = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        let turns = [("user", row["prompt"]), ("assistant", row["response"])].map {
          ["role": $0.0, "content": $0.1 ?? ""]
        }
        return String(
          decoding: try JSONSerialization.data(withJSONObject: ["messages": turns]), as: UTF8.self)
      }
      try write("\(name).jsonl", lines.joined(separator: "\n") + "\n")
    }
  }

  // MARK: The program

  /// Set for the program besides the tests' own environment, as "NAME=VALUE".
  package var environment: [String] = []

  package func start(_ arguments: [String]) throws -> RunningProgram {
    // Many run beside each other, on models that are too small for a second thread to gain anything. Where threads
    // matter, `environment` says how many.
    try RunningProgram(
      Program.path, arguments, in: folder, environment: ["DENJU_THREADS=1"] + environment)
  }

  package func denju(_ arguments: String...) throws -> Program.Outcome { try denju(arguments) }
  package func denju(_ arguments: [String]) throws -> Program.Outcome {
    try start(arguments).wait()
  }

  /// Arguments that precompute the three files.
  package func precomputing(_ more: String...) -> [String] {
    [
      "precompute", "--source", "source", "--train", "train.jsonl", "--validation",
      "validation.jsonl", "--test", "test.jsonl", "--cache", "cache.sqlite",
    ] + more
  }

  /// Arguments that train a small generator into the folder `run`.
  package func training(_ run: String, _ more: String...) -> [String] {
    [
      "train", "--cache", "cache.sqlite", "--run", run, "--layers", "2", "--width", "32", "--heads",
      "4", "--bridge-heads", "4", "--adapter", "8", "--positions", "192", "--window", "16",
      "--batch", "4", "--epochs", "3", "--learning-rate", "0.003",
    ] + more
  }

  /// A cache and a trained run, called `run`.
  package func prepare(conditioning: String = "prompt") throws {
    expectSuccess(try denju(precomputing("--conditioning", conditioning)))
    expectSuccess(try denju(training("run", "--conditioning", conditioning)))
  }

  /// The cache's content, whatever its pages and times.
  package func digest(_ cache: String? = nil) throws -> String {
    let cache = try FeatureCache.open(cache ?? self.cache)
    defer { try? cache.close() }
    return try cache.contentDigest()
  }

  /// A line of JSON as the program prints it.
  package func generate(_ arguments: String...) throws -> Generated { try generate(arguments) }

  package func generate(_ arguments: [String]) throws -> Generated {
    let outcome = expectSuccess(
      try denju(
        [
          "generate", "--run", "run", "--max-new-tokens", "12", "--repetition-penalty", "2",
          "--json",
        ] + arguments))
    return try JSONDecoder().decode(Generated.self, from: Data(outcome.output.utf8))
  }

  package struct Generated: Decodable {
    package let text: String
    package let ids: [Int32]
    package let promptTokens: Int
    package let states: String
  }
}
