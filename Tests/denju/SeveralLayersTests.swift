import Foundation
import TestSupport
import Testing

/// Layers that one pass of the source gives are, to the last byte, those of passes of their own.
@Suite struct SeveralLayersTests {
  /// Each layer by a run of its own, into `apart.sqlite`.
  private func apart(_ workshop: Workshop, _ layers: [String], _ more: [String]) throws {
    for layer in layers {
      expectSuccess(
        try workshop.denju(
          workshop.precomputing("--layer", layer, "--beside", "--cache", "apart.sqlite") + more))
    }
  }

  private func expectEqualStreams(_ workshop: Workshop) throws {
    let apart = try ["apart.sqlite", "cache.sqlite"].map {
      expectSuccess(try workshop.denju("cache", "digest", $0)).output
    }
    #expect(apart[0] == apart[1])
  }

  @Test(arguments: ["prompt", "aligned"], [[], ["--no-shared-prefixes"]])
  func `a stream a layer`(conditioning: String, more: [String]) throws {
    let workshop = try Workshop()
    let more = more + ["--conditioning", conditioning]
    try apart(workshop, ["0", "2", "-1"], more)
    expectSuccess(try workshop.denju(workshop.precomputing("--layers", "0,2,-1") + more))
    try expectEqualStreams(workshop)
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    // There is nothing left to compute.
    let again = try workshop.denju(workshop.precomputing("--layers", "0,2,-1", "--plan") + more)
    #expect(expectSuccess(again).output.contains("to compute              0 tokens"))
    expectSuccess(try workshop.denju(workshop.precomputing("--layers", "0,2,-1") + more))
    try expectEqualStreams(workshop)
  }

  @Test func `parts merged into a new cache`() throws {
    let workshop = try Workshop()
    try apart(workshop, ["0", "-1"], [])
    let parts = ["1/2", "2/2"]
    for part in parts {
      let cache = "part\(part.prefix(1)).sqlite"
      expectSuccess(
        try workshop.denju(
          workshop.precomputing("--layers", "0,-1", "--shard", part, "--cache", cache)))
    }
    expectSuccess(
      try workshop.denju("cache", "merge", "cache.sqlite", "part1.sqlite", "part2.sqlite"))
    try expectEqualStreams(workshop)
  }

  @Test func `killed and begun again`() throws {
    let workshop = try Workshop()
    try apart(workshop, ["1", "2", "3"], [])
    let arguments = workshop.precomputing("--layers", "1,2,3")
    for delay in [20_000, 60_000, 120_000] {
      let process = try workshop.start(arguments)
      usleep(UInt32(delay))
      process.send(SIGKILL)
      _ = process.wait()
    }
    expectSuccess(try workshop.denju(arguments))
    try expectEqualStreams(workshop)
  }

  @Test func `a layer that is there already is gone on with`() throws {
    let workshop = try Workshop()
    try apart(workshop, ["2", "1"], [])
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "2")))
    // No other states are in the file than those of this source's run.
    expectSuccess(try workshop.denju(workshop.precomputing("--layers", "2,1")))
    try expectEqualStreams(workshop)
    expectRefusal(
      try workshop.denju(workshop.precomputing("--layers", "0,3")), "cache.sqlite", "--beside")
  }

  @Test func `each has a codec of its own, fitted to it`() throws {
    let workshop = try Workshop()
    try workshop.write("fit.jsonl", Workshop.rows(100..<800))
    let codec = ["--codec", "transform:0.05", "--fit-corpus", "fit.jsonl"]
    try apart(workshop, ["2", "3"], codec)
    expectSuccess(try workshop.denju(workshop.precomputing("--layers", "2,3") + codec))
    try expectEqualStreams(workshop)
  }

  @Test(arguments: [
    (["--layers", "1,1"], "named before"), (["--layers", "3,-1"], "named before"),
    (["--layers", "1,9"], "--layer 9"), (["--layer", "1", "--layers", "2"], "contradict"),
    (["--layers", "1,,2"], "--layers"), (["--layers", "99999999999999999999"], "--layers"),
  ])
  func `layers that can't be are refused`(arguments: [String], word: String) throws {
    let workshop = try Workshop()
    expectRefusal(try workshop.denju(workshop.precomputing() + arguments), word)
    #expect(!FileManager.default.fileExists(atPath: workshop.cache))
  }
}
