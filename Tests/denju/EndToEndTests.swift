import Foundation
import TestSupport
import Testing

/// The stages one after the other, on a source of random weights.
@Suite struct EndToEndTests {
  struct Report: Decodable {
    struct Arm: Decodable {
      let name: String
      let states: String
      let documents: Int
      let loss: Double?
      let freeRunningLoss: Double?
      let exactMatch: Double?
      let answers: [String]?
      let difference: Difference?
    }
    struct Difference: Decodable {
      let mean: Double
      let lower: Double
      let upper: Double
    }
    let arms: [Arm]
  }

  @Test func `prompt conditioning with own, other and no states`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    for states in ["own", "shuffled", "none"] {
      expectSuccess(try workshop.denju(workshop.training(states, "--states", states)))
    }
    let outcome = expectSuccess(
      try workshop.denju(
        "evaluate", "--run", "none", "--run", "shuffled", "--run", "own", "--few-shot", "2",
        "--max-new-tokens", "6", "--json"))
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(report.arms.map(\.states) == ["none", "shuffled", "own", "source"])
    // What every figure must be, counted from the answers and the file of the right ones.
    struct Row: Decodable { let response: String }
    let right = try workshop.bytes("test.jsonl").split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(Row.self, from: Data($0)).response
    }
    func matches(_ arm: Report.Arm) -> [Double] {
      zip(arm.answers ?? [], right).map {
        $0.trimmingCharacters(in: .whitespaces) == $1.trimmingCharacters(in: .whitespaces) ? 1 : 0
      }
    }
    for arm in report.arms {
      #expect(arm.documents == Workshop.sizes["test"] && arm.answers?.count == right.count)
      let share = matches(arm).reduce(0, +) / Double(right.count)
      #expect(arm.exactMatch == share, "\(arm.name)")
      guard arm.name != "none" else { continue }
      let difference = zip(matches(arm), matches(report.arms[0])).map { $0 - $1 }.reduce(0, +)
      let mean = try #require(arm.difference)
      #expect(abs(mean.mean - difference / Double(right.count)) < 1e-12)
      #expect(mean.lower <= mean.mean && mean.mean <= mean.upper)
    }
    #expect(report.arms[0].difference == nil)
    // Better than the uniform distribution over 401 tokens, and of three arms three losses.
    let losses = report.arms.compactMap(\.loss)
    #expect(losses.count == 3 && Set(losses).count == 3 && report.arms[3].loss == nil)
    #expect(losses.allSatisfy { $0 > 0 && $0 < 5.99 }, "\(losses)")
    let table = expectSuccess(
      try workshop.denju("evaluate", "--run", "own", "--run", "none", "--max-new-tokens", "6"))
    #expect(table.output.contains("exact match"))
    let answer = expectSuccess(
      try workshop.denju("generate", "--run", "own", Workshop.cachedPrompt))
    #expect(!answer.output.isEmpty)
    #expect(answer.errors.contains("reused"))
  }

  /// The causal mask lets decoding see what training saw; the published one does not.
  @Test func `aligned conditioning, causal and as published`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--conditioning", "aligned")))
    let published = workshop.training(
      "published", "--conditioning", "aligned", "--mask", "published")
    expectSuccess(try workshop.denju(workshop.training("causal", "--conditioning", "aligned")))
    let warned = expectSuccess(try workshop.denju(published))
    #expect(warned.errors.contains("replication"))

    let outcome = expectSuccess(
      try workshop.denju(
        "evaluate", "--run", "causal", "--run", "published", "--free-running", "--json",
        "--max-new-tokens", "4"))
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    for arm in report.arms {
      let difference = abs((arm.loss ?? .nan) - (arm.freeRunningLoss ?? .nan))
      // The same logits, summed in float32 by documents on one side and in float64 on the other.
      if arm.name == "causal" { #expect(difference < 1e-5) } else { #expect(difference > 1e-4) }
    }
    let answer = expectSuccess(
      try workshop.denju(
        "generate", "--run", "causal", "--max-new-tokens", "6", Workshop.newPrompt))
    #expect(answer.errors.contains("stepped"))
  }

  /// Prompt conditioning takes prompts' states from a cache of whole documents just as well.
  @Test func `a cache of whole documents serves prompt conditioning to the same bits`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--codec", "float32")))
    expectSuccess(try workshop.denju(workshop.training("short")))
    let aligned = workshop.precomputing("--codec", "float32", "--conditioning", "aligned")
    expectSuccess(try workshop.denju(aligned))
    expectSuccess(try workshop.denju(workshop.training("long")))
    for place in ["best", "last"] {
      let name = "/\(place)/model.safetensors"
      #expect(try workshop.bytes("short" + name) == workshop.bytes("long" + name))
    }
  }

  @Test(arguments: ["int8", "float16", "float32"], [0, 2, -1])
  func `every codec and layer`(codec: String, layer: Int) throws {
    let workshop = try Workshop()
    expectSuccess(
      try workshop.denju(
        workshop.precomputing("--codec", codec, "--layer", "\(layer)", "--json")))
    expectSuccess(try workshop.denju(workshop.training("run", "--epochs", "1")))
    let hit = try workshop.generate(Workshop.cachedPrompt)
    let recomputed = try workshop.generate("--no-cache", Workshop.cachedPrompt)
    #expect(hit.states == "reused" && recomputed.states == "recomputed")
    #expect(hit.ids == recomputed.ids)
  }
}
