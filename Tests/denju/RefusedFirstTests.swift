import Foundation
import TestSupport
import Testing

/// What can be known to be wrong is refused before a folder or a file is made, and before anything is run.
@Suite struct RefusedFirstTests {
  private static let aligned = ["--conditioning", "aligned"]

  /// Refused in one line, without a trace: with the mistake mended, the same folder is free.
  private func expectNoTrace(_ workshop: Workshop, _ arguments: [String], _ word: String) throws {
    expectRefusal(try workshop.denju(arguments), word)
    #expect(!FileManager.default.fileExists(atPath: workshop.path("run")))
  }

  @Test(arguments: ["shuffled", "none"])
  func `aligned training with other states than its own`(states: String) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing() + Self.aligned))
    try expectNoTrace(
      workshop, workshop.training("run", "--states", states) + Self.aligned, "--states")
    expectSuccess(try workshop.denju(workshop.training("run", "--epochs", "1") + Self.aligned))
  }

  @Test(arguments: ["pooled", "both"])
  func `aligned training with another reading than its own`(reader: String) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing() + Self.aligned))
    try expectNoTrace(
      workshop, workshop.training("run", "--reader", reader) + Self.aligned, "--reader")
  }

  @Test func `training on states that are not in the cache`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    try expectNoTrace(workshop, workshop.training("run") + Self.aligned, "0 of 24")
  }

  /// A document that is too long, of the training set and of the validation set.
  @Test(arguments: ["train", "validation"], ["prompt", "aligned"])
  func `training on a document that is too long`(set: String, conditioning: String) throws {
    let workshop = try Workshop()
    let long = String(repeating: "long ", count: 25)
    let rows = String(decoding: try workshop.bytes("\(set).jsonl"), as: UTF8.self)
    try workshop.write(
      "\(set).jsonl", rows + #"{"prompt": "The \#(long)thing is", "response": " red."}"# + "\n")
    expectSuccess(try workshop.denju(workshop.precomputing("--conditioning", conditioning)))
    try expectNoTrace(
      workshop,
      workshop.training("run", "--conditioning", conditioning, "--positions", "64"),
      "\(set).jsonl")
  }

  /// Weights that can't be read are known before the folder that they would be trained in.
  @Test func `training from a damaged model`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    try FileManager.default.copyItem(
      atPath: Checkout.path("Tests/denju/Goldens/files/gpt-neo"), toPath: workshop.path("neo"))
    let weights = try workshop.bytes("neo/model.safetensors")
    try weights.prefix(20_000).write(
      to: URL(fileURLWithPath: workshop.path("neo/model.safetensors")))
    try expectNoTrace(
      workshop,
      ["train", "--cache", "cache.sqlite", "--run", "run", "--from", "neo", "--bridge-heads", "4"],
      "neo/model.safetensors")
  }

  /// A second run on other states, and a source that can't be asked, end it before the first run's answers.
  @Test func `evaluating what can't be evaluated to its end`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let other = ["--cache", "layer.sqlite"]
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "1") + other))
    expectSuccess(try workshop.denju(workshop.training("other", "--epochs", "1") + other))
    let evaluate = ["evaluate", "--run", "run", "--max-new-tokens", "2"]
    expectRefusal(try workshop.denju(evaluate + ["--run", "other"]), "layer")
    expectRefusal(try workshop.denju(evaluate + ["--few-shot", "200"]), "--few-shot 200", "24")
    expectRefusal(
      try workshop.denju(evaluate + ["--few-shot", "2", "--source", "nowhere"]), "nowhere")
    try FileManager.default.removeItem(atPath: workshop.path("run/best"))
    expectRefusal(
      try workshop.denju("evaluate", "--run", "other", "--run", "run", "--cache", "cache.sqlite"),
      "layer")
    #expect(!FileManager.default.fileExists(atPath: workshop.path("run/report.json")))
  }

  @Test func `merging a cache that does not belong`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(
      try workshop.denju(workshop.precomputing("--layer", "1", "--cache", "layer.sqlite")))
    let content = try workshop.digest(workshop.path("layer.sqlite"))
    for others in [["cache.sqlite", "layer.sqlite"], ["cache.sqlite", "absent.sqlite"]] {
      expectRefusal(try workshop.denju(["cache", "merge", "new.sqlite"] + others))
      #expect(!FileManager.default.fileExists(atPath: workshop.path("new.sqlite")))
    }
    expectRefusal(try workshop.denju("cache", "merge", "layer.sqlite", "cache.sqlite"), "--beside")
    #expect(try workshop.digest(workshop.path("layer.sqlite")) == content)
  }
}
