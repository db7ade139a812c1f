import Foundation
import TestSupport
import Testing

/// `denju probe` as a user calls it.
@Suite struct ProbeCommandTests {
  /// Two layers of the tiny source, side by side.
  private static func prepared() throws -> Workshop {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "1", "--beside")))
    return workshop
  }

  @Test func `a table with the best reading at the top, and the decision in words`() throws {
    let workshop = try Self.prepared()
    let outcome = expectSuccess(try workshop.denju("probe", "--cache", "cache.sqlite"))
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.contains("bytes/token") == true)
    #expect(lines.dropFirst(2).prefix(9).allSatisfy { !$0.hasPrefix("-") }, "nine readings")
    for baseline in ["chance", "commonest answer", "bag of tokens of source"] {
      #expect(lines.contains { $0.hasPrefix("-") && $0.contains(baseline) }, "\(baseline)")
    }
    #expect(lines.contains { $0.hasPrefix("target: label (24 of 24") })
    #expect(lines.last?.hasPrefix("best: ") == true)
    #expect(
      try workshop.denju("probe", "--cache", "cache.sqlite", "--json", "--set", "test").status == 0)
  }

  @Test func `lines of JSON, a row each`() throws {
    let workshop = try Self.prepared()
    let outcome = expectSuccess(
      try workshop.denju(
        "probe", "--cache", "cache.sqlite", "--json", "--stream", "2", "--features", "last",
        "--target", "first-token", "--seed", "3"))
    let lines = try outcome.output.split(separator: "\n").map { line in
      try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: [String: Any]])
    }
    #expect(
      lines.map { $0.keys.joined() } == ["reading", "baseline", "baseline", "baseline", "question"])
    let reading = try #require(lines.first?["reading"])
    let streams = try #require(reading["streams"] as? [[String: Any]])
    #expect(streams.map { $0["number"] as? Int } == [2] && streams[0]["layer"] as? Int == 1)
    let question = try #require(lines.last?["question"])
    #expect(question["tokenizer"] as? String == "source" && question["seed"] as? Int == 3)
    #expect(question["trainingRows"] as? Int == 24 && question["scoredRows"] as? Int == 6)
  }

  @Test func `what can't be meant is refused`() throws {
    let workshop = try Self.prepared()
    for (arguments, status, word) in [
      (["--features", "median"], 64, "mean, last, both"), (["--target", "x"], 64, "first-token"),
      (["--set", "train"], 64, "validation, test"), (["--limit", "1"], 64, "--limit 1"),
      (["--stream", "7"], 1, "there are 1, 2"),
    ] as [([String], Int32, String)] {
      expectRefusal(
        try workshop.denju(["probe", "--cache", "cache.sqlite"] + arguments), status: status, word)
    }
    expectRefusal(try workshop.denju("probe", "--cache", "absent.sqlite"), "absent.sqlite")
  }
}
