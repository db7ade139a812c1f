import Foundation
import TestSupport
import Testing

/// `denju run`: all stages of a file, and nothing that is done already.
@Suite struct PipelineRunTests {
  static let pipeline = """
    name: tiny
    seed: 3
    precompute:
      source: source
      train: train.jsonl
      validation: validation.jsonl
      test: test.jsonl
      cache: cache.sqlite
    train:
      - &generator
        cache: cache.sqlite
        run: runs/own
        layers: 2
        width: 32
        heads: 4
        bridge-heads: 4
        adapter: 8
        positions: 64
        epochs: 2
        batch: 6
      - <<: *generator
        run: runs/alone
        states: none
    evaluate:
      run: [runs/alone, runs/own]
      max-new-tokens: 6
    generate:
      run: runs/own
      prompt:
        - \(Workshop.cachedPrompt)
        - \(Workshop.newPrompt)
      max-new-tokens: 6
    """

  @Test func `a second run does nothing again and answers the same`() throws {
    let workshop = try Workshop()
    try workshop.write("tiny.yaml", Self.pipeline)
    let first = expectSuccess(try workshop.denju("run", "tiny.yaml"))
    #expect(first.output.contains("exact match"))
    #expect(first.output.contains("> \(Workshop.newPrompt)"))
    let kept = try Self.results(workshop)
    let content = try workshop.digest()

    let second = expectSuccess(try workshop.denju("run", "tiny.yaml"))
    #expect(second.output == first.output)
    #expect(second.errors.contains(", 0 tokens computed"))
    #expect(second.errors.contains("finished already"))
    #expect(second.errors.contains("evaluate: done already"))
    #expect(try Self.results(workshop) == kept)
    #expect(try workshop.digest() == content)
  }

  /// A kept evaluation is of its documents, its states, its weights and its options: it is done anew where one of
  /// them is another.
  @Test func `what was evaluated is evaluated anew when it has changed`() throws {
    let workshop = try Workshop()
    try workshop.write("tiny.yaml", Self.pipeline)
    func run(_ change: String) throws -> (isKept: Bool, output: String) {
      let outcome = expectSuccess(try workshop.denju("run", "tiny.yaml"))
      return (outcome.errors.contains("evaluate: done already"), outcome.output)
    }
    #expect(try !run("nothing yet").isKept)
    #expect(try run("nothing").isKept)

    let rows = String(decoding: try workshop.bytes("test.jsonl"), as: UTF8.self)
    try workshop.write("test.jsonl", rows + Workshop.rows(500..<503))
    let grown = try run("documents")
    #expect(!grown.isKept)
    #expect(grown.output.contains(#/own +own +9 /#), "\(grown.output)")
    #expect(try run("nothing").isKept)

    // Another document of the same count: one goes, one comes.
    expectSuccess(try workshop.denju("cache", "purge", "cache.sqlite", "--split", "test"))
    try workshop.write("test.jsonl", Workshop.rows(600..<609))
    #expect(try !run("other documents").isKept)
    #expect(try run("nothing").isKept)

    try workshop.write(
      "tiny.yaml",
      Self.pipeline.replacingOccurrences(of: "evaluate:", with: "evaluate:\n  limit: 5"))
    #expect(try !run("options").isKept)

    // Other weights under the same description, as another machine's may be.
    let trained = workshop.path("runs/own/best/model.safetensors")
    var weights = try Data(contentsOf: URL(fileURLWithPath: trained))
    weights[weights.count - 3] ^= 1
    try weights.write(to: URL(fileURLWithPath: trained))
    #expect(try !run("weights").isKept)
    #expect(try run("nothing").isKept)

    try FileManager.default.removeItem(atPath: workshop.path("runs/alone/evaluated.json"))
    #expect(try !run("kept report").isKept)
  }

  @Test func `a plan computes nothing`() throws {
    let workshop = try Workshop()
    try workshop.write("tiny.yaml", Self.pipeline)
    let planned = expectSuccess(try workshop.denju("run", "tiny.yaml", "--plan"))
    #expect(planned.output.contains("to compute"))
    #expect(!FileManager.default.fileExists(atPath: workshop.cache))
  }

  @Test func `a plan needs no weights`() throws {
    let workshop = try Workshop()
    try FileManager.default.removeItem(atPath: workshop.source.weights)
    let planned = expectSuccess(try workshop.denju(workshop.precomputing("--plan", "--json")))
    #expect(planned.output.contains(#""documents":36"#))
  }

  /// A mistake of any section ends the run before its first stage, also where that one has hours to do.
  @Test func `a file's mistakes are named by their line`() throws {
    let workshop = try Workshop()
    let mistakes = [
      (Self.pipeline + "\nfine-tune: {}", "tiny.yaml:33:", "fine-tune"),
      (
        Self.pipeline.replacingOccurrences(of: "width: 32", with: "widht: 32"), "tiny.yaml:10:",
        "widht"
      ),
      (
        Self.pipeline.replacingOccurrences(of: "epochs: 2", with: "epochs: many"), "tiny.yaml:10:",
        "epochs"
      ),
      (
        Self.pipeline.replacingOccurrences(of: "states: none", with: "states: nobody"),
        "tiny.yaml:21:", "states"
      ),
      (
        Self.pipeline.replacingOccurrences(of: "max-new-tokens: 6", with: "max-new-token: 6"),
        "tiny.yaml:25:", "max-new-token"
      ),
      (
        Self.pipeline.replacingOccurrences(of: "heads: 4\n", with: "heads: 5\n"), "tiny.yaml:10:",
        "heads"
      ),
      (
        Self.pipeline.replacingOccurrences(of: "states: none", with: "train: bridge"),
        "tiny.yaml:21:", "--from"
      ),
      ("train: [", "tiny.yaml:2:", "YAML"), ("", "tiny.yaml:1:", "mapping"),
      ("just words", "tiny.yaml:1:", "mapping"),
    ]
    for (text, place, word) in mistakes {
      try workshop.write("tiny.yaml", text)
      for flags in [[], ["--plan"]] {
        expectRefusal(try workshop.denju(["run", "tiny.yaml"] + flags), place, word)
        #expect(!FileManager.default.fileExists(atPath: workshop.cache), "\(word)")
      }
    }
    expectRefusal(try workshop.denju("run", "absent.yaml"), "absent.yaml")
  }

  /// Weights and reports; what a run's clock measured is in other files.
  private static func results(_ workshop: Workshop) throws -> [Data] {
    try ["own", "alone"].flatMap { run in
      try ["best/model.safetensors", "last/model.safetensors", "report.json", "log.csv"].map {
        try workshop.bytes("runs/\(run)/\($0)")
      }
    }
  }
}
