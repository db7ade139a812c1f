import Foundation
import GRDB
import TestSupport
import Testing

/// Numbers at the ends of their ranges, in requests and in flags: answered or refused, never a trap.
@Suite struct HugeNumberTests {
  private static let most = "9223372036854775807"
  private static let least = "-9223372036854775808"

  /// What a request may say, and the status of its answer.
  private static let requests: [(fields: String, status: Int)] = [
    (#""max_tokens": \#(most)"#, 200), (#""max_completion_tokens": \#(most)"#, 200),
    (#""max_tokens": 9223372036854775800, "stream": true"#, 200),
    (#""max_tokens": \#(least)"#, 400), (#""max_tokens": 92233720368547758070"#, 400),
    (#""max_tokens": 1e300"#, 400), (#""max_tokens": 4, "seed": 18446744073709551615"#, 200),
    (#""seed": -1"#, 400), (#""max_tokens": 4, "top_k": \#(most), "temperature": 1"#, 200),
    (#""top_k": \#(least)"#, 400), (#""n": \#(most)"#, 400),
    (#""max_tokens": 4, "temperature": 1e-45"#, 200),
    (#""max_tokens": 4, "temperature": 3e38, "top_p": 1e-45"#, 200), (#""temperature": 1e39"#, 400),
    (#""max_tokens": 4, "repetition_penalty": 3e38"#, 200),
    (#""max_tokens": 4, "repetition_penalty": 1e-45, "temperature": 1"#, 200),
  ]

  @Test(arguments: ["prompt", "aligned"])
  func `a server answers or refuses every number, and goes on`(conditioning: String) throws {
    let workshop = try Workshop()
    try workshop.prepare(conditioning: conditioning)
    let server = try ServerTests.Server(workshop)
    for (fields, status) in Self.requests {
      let response = try server.complete(ServerTests.messages + ", " + fields)
      #expect(response.status == status, "\(fields): \(response.body)")
      if status == 400 { #expect(response.body.contains("error"), "\(fields): \(response.body)") }
      try #require(!server.process.hasEnded, "\(fields) ended the server")
    }
    #expect(try server.client.get("/health").status == 200)
  }

  @Test(arguments: ["prompt", "aligned"])
  func `answers as long as a number can say end at the generator's positions`(
    conditioning: String
  ) throws {
    let workshop = try Workshop()
    try workshop.prepare(conditioning: conditioning)
    for more in [[], ["--few-shot", "2"]] {
      expectSuccess(
        try workshop.denju(
          ["evaluate", "--run", "run", "--limit", "1", "--max-new-tokens", Self.most] + more))
    }
    expectSuccess(
      try workshop.denju(
        "generate", "--run", "run", "--max-new-tokens", Self.most, "--top-k", Self.most,
        Workshop.newPrompt))
    for flags in [
      ["--max-new-tokens=0"], ["--max-new-tokens=-1", "--few-shot=2"],
      ["--few-shot=-1"], ["--few-shot=" + Self.most], ["--limit=" + Self.least],
    ] {
      expectRefusal(
        try workshop.denju(["evaluate", "--run", "run"] + flags),
        String(flags[0].split(separator: "=")[0]))
    }
  }

  private static let flags = [
    "width=\(most)", "width=\(least)", "layers=\(most)", "layers=\(least)", "heads=\(most)",
    "heads=\(least)", "positions=\(most)", "window=\(most)", "adapter=\(most)",
    "bridge-heads=\(most)", "bridge-layers=\(most)", "bridge-layers=\(least)",
    "middle-width=\(most)", "middle-width=\(least)", "epochs=\(most)", "batch=\(most)",
    "accumulate=\(most)", "patience=\(least)", "minimum-gain=nan",
  ]

  @Test(arguments: ["prompt", "aligned"])
  func `a size that no generator has is refused before there is a folder`(
    conditioning: String
  ) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--conditioning", "aligned")))
    for flag in Self.flags {
      let outcome = try workshop.denju(
        workshop.training("run", "--conditioning", conditioning) + ["--" + flag])
      let words = flag.split(separator: "=").map(String.init)
      expectRefusal(outcome, "--" + words[0], words[1])
      #expect(!FileManager.default.fileExists(atPath: workshop.path("run")))
    }
  }

  @Test(arguments: [("epochs: 2", "epochs: \(most)"), ("width: 32", "width: \(most)")])
  func `a plan of numbers that no run has is refused`(key: String, other: String) throws {
    let workshop = try Workshop()
    try workshop.write(
      "tiny.yaml", PipelineRunTests.pipeline.replacingOccurrences(of: key, with: other))
    expectRefusal(try workshop.denju("run", "tiny.yaml", "--plan"), Self.most)
  }

  @Test(arguments: [
    ["bench", "cache", "--document-tokens", most], ["bench", "cache", "--records", most],
    ["bench", "cache", "--page-size", most], ["bench", "cache", "--chunk", most],
    ["precompute", "--layer=\(least)"], ["precompute", "--layer", most],
    ["precompute", "--max-tokens=\(least)"], ["precompute", "--shard", "1/\(most)0"],
    ["cache", "purge", "cache.sqlite", "--older-than", most + "d"],
    ["cache", "limit", "cache.sqlite", "9e300TB"],
  ])
  func `other commands refuse them`(words: [String]) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let more = words[0] == "precompute" ? Array(workshop.precomputing().dropFirst()) : []
    let outcome = try workshop.denju(words + more)
    #expect(outcome.status == 1 || outcome.status == 64, "\(words): \(outcome)")
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
  }

  /// A number that no document of a cache has, as a damaged or a hostile file may say it.
  @Test(arguments: [most, least, "1000000000000"])
  func `a cache that says so of its tokens is damaged`(tokens: String) throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let cache = try DatabaseQueue(path: workshop.cache)
    try cache.write { db in try db.execute(sql: "UPDATE chains SET tokens = \(tokens)") }
    try cache.close()
    expectRefusal(try workshop.denju(workshop.training("other")), "cache.sqlite")
    #expect(!FileManager.default.fileExists(atPath: workshop.path("other")))
    expectRefusal(try workshop.denju("evaluate", "--run", "run", "--loss-only"), "cache.sqlite")
  }

  /// Where a run stands, as a damaged file may say it.
  @Test(arguments: [
    #""step" : \#(most)"#, #""step" : -3"#, #""tokens" : \#(most)"#, #""epochTokens" : \#(most)"#,
    #""epochsWithoutGain" : \#(most)"#,
  ])
  func `a checkpoint that says so of its step is damaged`(field: String) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let process = try workshop.start(
      workshop.training("run", "--epochs", "5000", "--checkpoint-seconds", "0.001"))
    let state = workshop.path("run/last/training.json")
    process.waitUntil { FileManager.default.fileExists(atPath: state) }
    process.send(SIGKILL)
    _ = process.wait()
    let name = field.split(separator: " ")[0]
    let text = try String(contentsOfFile: state, encoding: .utf8)
    let place = try #require(text.range(of: name + #" : [-0-9]+"#, options: .regularExpression))
    try workshop.write("run/last/training.json", text.replacingCharacters(in: place, with: field))
    expectRefusal(
      try workshop.denju(
        workshop.training("run", "--epochs", "5000", "--checkpoint-seconds", "0.001", "--resume")),
      "training.json")
  }
}
