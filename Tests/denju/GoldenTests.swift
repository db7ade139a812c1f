import Architectures
import Crypto
import Foundation
import GRDB
import ModelFiles
import TestSupport
import Testing

/// What the program writes and answers, pinned: files that users have go on working, and no change of the
/// code's shape changes a bit. The files under `Goldens` are of the program of commit cfee15a; see `make.py`.
@Suite struct GoldenTests {
  /// Instruction sets and thread counts, none of which changes a bit.
  static let machines = [
    ["DENJU_SIMD=portable", "DENJU_THREADS=1"], ["DENJU_SIMD=avx2", "DENJU_THREADS=2"],
    ["DENJU_SIMD=avx512", "DENJU_THREADS=2"],
  ]

  /// Goldens are our kernels' bits, whatever engine the other tests run on.
  static let ownKernels = ["DENJU_SIMD=avx512"]

  /// Runs by name, each with its cache's coverage and its flags.
  static let runs: [(name: String, coverage: String, flags: [String])] = [
    ("prompt", "prompt", []), ("none", "prompt", ["--states", "none"]),
    ("shuffled", "prompt", ["--states", "shuffled"]),
    ("pretrained", "prompt", ["--from", "gpt-neo", "--generator-prompt", "last:8"]),
    ("aligned", "aligned", ["--conditioning", "aligned", "--loss", "all"]),
    ("published", "aligned", ["--conditioning", "aligned", "--mask", "published"]),
  ]

  // MARK: What is written today

  @Test(arguments: machines, runs.map(\.name))
  func `a training's configuration, tensors, losses and weights`(
    machine: [String], name: String
  ) throws {
    let workshop = try GoldenWorkshop(machine)
    expectSuccess(try workshop.denju(try workshop.training(name, into: "new")))
    try workshop.expect("\(name).config", workshop.text("new/best/config.json"))
    try workshop.expect("\(name).tensors", workshop.tensors("new/best/model.safetensors"))
    try workshop.expect("\(name).losses", workshop.losses("new").prefix(3).joined(separator: " "))
    for file in ["best/model.safetensors", "last/model.safetensors", "last/optimizer.safetensors"] {
      try workshop.expect("\(name).\(file)", workshop.sha256("new/\(file)"))
    }
  }

  @Test(arguments: machines, ["prompt", "aligned"])
  func `a cache's digest and identity`(machine: [String], coverage: String) throws {
    let workshop = try GoldenWorkshop(machine)
    expectSuccess(
      try workshop.denju([
        "precompute", "--source", "source", "--train", "train.jsonl", "--validation",
        "validation.jsonl", "--test", "test.jsonl", "--cache", "new.sqlite", "--conditioning",
        coverage,
      ]))
    for cache in ["new.sqlite", "\(coverage).sqlite"] {
      let digest = expectSuccess(try workshop.denju(["cache", "digest", cache])).output
      try workshop.expect("\(coverage).digest", digest)
      try workshop.expect("identity", workshop.identity(cache))
    }
  }

  @Test(arguments: ["tiny-llama", "tiny-qwen2"])
  func `the identity's configuration of the families there are`(name: String) throws {
    let folder = try ModelFolder.open(Checkout.path("Tests/Reference/vectors/\(name)"))
    try GoldenWorkshop(Self.ownKernels).expect(
      "\(name).identity", folder.architecture().identityJSON)
  }

  // MARK: What was written by the program of before

  @Test(arguments: runs.map(\.name))
  func `an old run answers and evaluates as before`(name: String) throws {
    let workshop = try GoldenWorkshop(Self.ownKernels)
    let cache = try #require(Self.runs.first { $0.name == name }).coverage + ".sqlite"
    for (place, prompt) in ["The thing 222 is", "The thing that nobody asked about is"].enumerated()
    {
      let outcome = expectSuccess(
        try workshop.denju([
          "generate", "--run", "runs/\(name)", "--cache", cache, "--source", "source", "--json",
          "--repetition-penalty", "2", "--max-new-tokens", "12", prompt,
        ]))
      let answer = try JSONDecoder().decode(
        Workshop.Generated.self, from: Data(outcome.output.utf8))
      try workshop.expect("\(name).answer.\(place)", "\(answer.ids) \(answer.states)")
    }
    let outcome = expectSuccess(
      try workshop.denju(
        ["evaluate", "--run", "runs/\(name)", "--cache", cache, "--source", "source", "--json"]
          + (name == "published" || name == "aligned" ? ["--free-running"] : [])))
    struct Report: Decodable {
      struct Arm: Decodable {
        let loss: Double?
        let freeRunningLoss: Double?
        let exactMatch: Double?
        let answers: [String]?
      }
      let arms: [Arm]
    }
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    let arm = try #require(report.arms.first)
    try workshop.expect(
      "\(name).evaluation",
      [arm.loss, arm.freeRunningLoss, arm.exactMatch].map { $0.map { "\($0)" } ?? "-" }
        .joined(separator: " ") + " \(arm.answers ?? [])")
  }

  @Test(arguments: machines, ["killed/prompt", "killed/aligned", "begun/prompt", "begun/aligned"])
  func `an old run that was killed goes on to the bits of one that was not`(
    machine: [String], folder: String
  ) throws {
    let workshop = try GoldenWorkshop(machine)
    let name = String(folder.drop { $0 != "/" }.dropFirst())
    expectSuccess(try workshop.denju(try workshop.training(name, into: folder) + ["--resume"]))
    for file in ["best/model.safetensors", "last/model.safetensors", "last/optimizer.safetensors"] {
      #expect(
        try workshop.sha256("\(folder)/\(file)") == workshop.sha256("runs/\(name)/\(file)"),
        "\(file)")
    }
    #expect(try workshop.losses(folder) == workshop.losses("runs/\(name)"))
  }
}

/// A copy of the committed files, removed afterwards, and the program on some machine.
private final class GoldenWorkshop {
  private let temporary: TemporaryFolder
  private let environment: [String]
  private let goldens: [String: String]

  init(_ environment: [String]) throws {
    self.environment = environment
    temporary = try TemporaryFolder(copying: Checkout.path("Tests/denju/Goldens/files"))
    goldens = try JSONDecoder().decode(
      [String: String].self, from: Data(Checkout.bytes("Tests/denju/Goldens/goldens.json")))
  }

  var folder: String { temporary.path }

  /// What is found is what was written down, to the last byte.
  func expect(
    _ name: String, _ found: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect([name: found] == [name: goldens[name] ?? "nothing"], sourceLocation: sourceLocation)
  }

  func denju(_ arguments: [String]) throws -> Program.Outcome {
    try RunningProgram(Program.path, arguments, in: folder, environment: environment).wait()
  }

  /// Arguments that train the run `name`, as `make.py` has them.
  func training(_ name: String, into folder: String) throws -> [String] {
    let run = try #require(GoldenTests.runs.first { $0.name == name })
    return [
      "train", "--cache", "\(run.coverage).sqlite", "--run", folder, "--layers", "2", "--width",
      "16", "--heads", "2", "--bridge-heads", "4", "--adapter", "8", "--positions", "64",
      "--window", "6", "--batch", "5", "--epochs", "3", "--learning-rate", "0.003",
      "--accumulate", "3", "--dropout", "0.1", "--bridge-dropout", "0.1", "--seed", "7",
    ] + run.flags
  }

  func text(_ file: String) throws -> String {
    try temporary.text(file)
  }

  func sha256(_ file: String) throws -> String {
    SHA256.hash(data: try temporary.bytes(file))
      .map { String(format: "%02x", $0) }.joined()
  }

  /// Names and shapes, by name.
  func tensors(_ file: String) throws -> String {
    try TensorCatalogue.open(folder + "/" + file).entries.map { "\($0.name) \($0.shape)" }
      .joined(separator: "\n")
  }

  /// A run's losses, a step each, with the validation losses.
  func losses(_ run: String) throws -> [String] {
    try text(run + "/log.csv").split(separator: "\n").dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false)
      return cells[7].isEmpty ? "\(cells[2])" : "\(cells[2])/\(cells[7])"
    }
  }

  /// All that names the states of a cache: the rows of its source and its stream.
  func identity(_ cache: String) throws -> String {
    try DatabaseQueue(path: folder + "/" + cache).read { database in
      let rows = try Row.fetchAll(
        database,
        sql: """
          SELECT hex(key), weights_sha256, architecture, tokenizer_sha256, kind, layer, normalized,
            precision, codec, numerics, width, chunk_tokens
          FROM streams JOIN sources ON sources.id = streams.source
          """)
      return rows.map { row in
        row.databaseValues.map { "\($0.storage.value ?? "null")" }.joined(separator: " ")
      }.joined(separator: "\n")
    }
  }
}
