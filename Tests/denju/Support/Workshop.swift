import FeatureCache
import Foundation
import Testing

/// A folder of its own with a tiny source and a corpus of three files, removed afterwards.
final class Workshop {
  let folder: String
  let source: TinySource
  /// Sets of documents by file, as `train.jsonl`.
  static let sizes = ["train": 24, "validation": 6, "test": 6]

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    source = try TinySource(folder + "/source")
    var first = 0
    for (name, count) in Self.sizes.sorted(by: { $0.key < $1.key }) {
      try write("\(name).jsonl", Self.rows(first..<first + count))
      first += count
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  func path(_ name: String) -> String { folder + "/" + name }
  var cache: String { path("cache.sqlite") }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  /// Rows whose answers follow from the prompts' numbers.
  static func rows(_ numbers: Range<Int>) -> String {
    numbers.map { number in
      #"{"prompt": "\#(prompt(number))", "response": " \#(["red", "green", "blue"][number % 3])."}"#
        + "\n"
    }.joined()
  }

  static func prompt(_ number: Int) -> String { "The thing \(number * 37 % 1000) is" }

  /// Rewrites the three files' rows as conversations.
  func writeConversations() throws {
    for name in Self.sizes.keys {
      let rows = try JSONSerialization.jsonObject(
        with: Data(
          "[\(String(decoding: bytes("\(name).jsonl"), as: UTF8.self).split(separator: "\n").joined(separator: ","))]"
            .utf8))
      let lines = try (rows as? [[String: String]] ?? []).map { row in
        let turns = [("user", row["prompt"]), ("assistant", row["response"])].map {
          ["role": $0.0, "content": $0.1 ?? ""]
        }
        return String(
          decoding: try JSONSerialization.data(withJSONObject: ["messages": turns]), as: UTF8.self)
      }
      try write("\(name).jsonl", lines.joined(separator: "\n") + "\n")
    }
  }

  /// A prompt of the training set, whose states are cached, and one that is in no file.
  static let cachedPrompt = prompt(6)
  static let newPrompt = "The thing that nobody asked about is"

  // MARK: The program

  /// Set for the program besides the tests' own environment, as "NAME=VALUE".
  var environment: [String] = []

  func start(_ arguments: [String]) throws -> RunningProgram {
    try RunningProgram(Program.path, arguments, in: folder, environment: environment)
  }

  func denju(_ arguments: String...) throws -> Program.Outcome { try denju(arguments) }
  func denju(_ arguments: [String]) throws -> Program.Outcome { try start(arguments).wait() }

  /// Arguments that precompute the three files.
  func precomputing(_ more: String...) -> [String] {
    [
      "precompute", "--source", "source", "--train", "train.jsonl", "--validation",
      "validation.jsonl", "--test", "test.jsonl", "--cache", "cache.sqlite",
    ] + more
  }

  /// Arguments that train a small generator into the folder `run`.
  func training(_ run: String, _ more: String...) -> [String] {
    [
      "train", "--cache", "cache.sqlite", "--run", run, "--layers", "2", "--width", "32", "--heads",
      "4", "--bridge-heads", "4", "--adapter", "8", "--positions", "192", "--window", "16",
      "--batch", "4", "--epochs", "3", "--learning-rate", "0.003",
    ] + more
  }

  /// A cache and a trained run, called `run`.
  func prepare(conditioning: String = "prompt") throws {
    expectSuccess(try denju(precomputing("--conditioning", conditioning)))
    expectSuccess(try denju(training("run", "--conditioning", conditioning)))
  }

  /// The cache's content, whatever its pages and times.
  func digest(_ cache: String? = nil) throws -> String {
    let cache = try FeatureCache.open(cache ?? self.cache)
    defer { try? cache.close() }
    return try cache.contentDigest()
  }

  /// A line of JSON as the program prints it.
  func generate(_ arguments: String...) throws -> Generated {
    let outcome = expectSuccess(
      try denju(
        [
          "generate", "--run", "run", "--max-new-tokens", "12", "--repetition-penalty", "2",
          "--json",
        ] + arguments))
    return try JSONDecoder().decode(Generated.self, from: Data(outcome.output.utf8))
  }

  struct Generated: Decodable {
    let text: String
    let ids: [Int32]
    let promptTokens: Int
    let states: String
  }
}
