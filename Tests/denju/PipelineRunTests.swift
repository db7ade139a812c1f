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

  @Test func `a file's mistakes are named by their line`() throws {
    let workshop = try Workshop()
    let mistakes = [
      (Self.pipeline + "\nfine-tune: {}", "fine-tune"),
      (Self.pipeline.replacingOccurrences(of: "width: 32", with: "widht: 32"), "widht"),
      (Self.pipeline.replacingOccurrences(of: "epochs: 2", with: "epochs: many"), "epochs"),
      ("train: [", "tiny.yaml"), ("", "tiny.yaml"), ("just words", "tiny.yaml"),
    ]
    for (text, word) in mistakes {
      try workshop.write("tiny.yaml", text)
      let outcome = try workshop.denju("run", "tiny.yaml", "--plan")
      guard word != "widht", word != "epochs" else {
        // Sections of later stages are read when their turn comes.
        expectRefusal(
          try workshop.denju("train", word == "widht" ? "--widht=1" : "--epochs=many"), status: 64)
        continue
      }
      expectRefusal(outcome, "tiny.yaml:", word)
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
