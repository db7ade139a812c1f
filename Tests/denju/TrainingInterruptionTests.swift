import Foundation
import Numerics
import TestSupport
import Testing

/// A run that was ended and went on equals one that was left alone, bit for bit.
@Suite(.serialized) struct TrainingInterruptionTests {
  /// Dropout, accumulation and a checkpoint after every step: all that a step could forget.
  static let options = [
    "--dropout", "0.1", "--bridge-dropout", "0.1", "--accumulate", "2", "--seed", "7",
  ]

  static func arguments(_ workshop: Workshop, _ run: String, _ conditioning: String) -> [String] {
    workshop.training(run, "--conditioning", conditioning, "--checkpoint-seconds", "0.001")
      + options
  }

  @Test(arguments: ["prompt", "aligned"])
  func `killed at any step and resumed`(conditioning: String) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--conditioning", conditioning)))
    expectSuccess(try workshop.denju(Self.arguments(workshop, "whole", conditioning)))

    var generator = SeededGenerator(seed: 11)
    let killed = Self.arguments(workshop, "killed", conditioning)
    var kills = 0
    for sitting in 0..<6 {
      let flags = sitting > 0 ? ["--resume"] : []
      let process = try workshop.start(killed + flags)
      // From the middle of the second step on; with a little delay, so that it hits any place in a step.
      let steps = Self.steps(workshop, "killed") + 1 + Int(generator.next() % 3)
      process.waitUntil { Self.steps(workshop, "killed") >= steps }
      usleep(UInt32(generator.next() % 4000))
      if process.send(SIGKILL) { kills += 1 }
      let outcome = process.wait()
      #expect([0, 137].contains(outcome.status), Comment(rawValue: outcome.errors))
    }
    #expect(kills > 0)
    expectSuccess(try workshop.denju(killed + ["--resume"]))
    try Self.expectEqualRuns(workshop, "whole", "killed")
  }

  @Test func `killed before the first checkpoint and resumed`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(try workshop.denju(workshop.training("whole")))
    let process = try workshop.start(workshop.training("killed", "--checkpoint-seconds", "1000"))
    process.waitUntil { FileManager.default.fileExists(atPath: workshop.path("killed/run.json")) }
    process.send(SIGKILL)
    _ = process.wait()
    let other = workshop.training("killed", "--checkpoint-seconds", "1000", "--resume")
    expectSuccess(try workshop.denju(other))
    try Self.expectEqualRuns(workshop, "whole", "killed")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal ends it with 130 and a word on how to go on`(signal: Int32) throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let long = workshop.training("long", "--epochs", "5000")
    let process = try workshop.start(long)
    process.waitUntil { Self.steps(workshop, "long") >= 3 }
    process.send(signal)
    let outcome = process.wait()
    #expect(outcome.status == 130)
    #expect(outcome.errors.contains("--resume"))
    #expect(
      FileManager.default.fileExists(atPath: workshop.path("long/last/optimizer.safetensors")))
  }

  @Test func `going on with another run is refused by name`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let weights = try workshop.bytes("run/last/model.safetensors")
    expectRefusal(try workshop.denju(workshop.training("run")), "--resume")
    for (flag, value) in [
      ("--seed", "8"), ("--epochs", "4"), ("--width", "64"), ("--states", "none"),
    ] {
      expectRefusal(
        try workshop.denju(workshop.training("run", "--resume", flag, value)), "run",
        String(flag.dropFirst(2)), value)
    }
    expectRefusal(try workshop.denju(workshop.training("absent", "--resume")), "absent")
    #expect(try workshop.bytes("run/last/model.safetensors") == weights)
  }

  @Test func `a cache that has grown is another run`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    try workshop.write("more.jsonl", Workshop.rows(500..<510))
    expectSuccess(
      try workshop.denju(
        "precompute", "--source", "source", "--train", "more.jsonl", "--cache", "cache.sqlite"))
    expectRefusal(try workshop.denju(workshop.training("run", "--resume")), "documents")
  }

  /// Steps that a run's log tells of.
  static func steps(_ workshop: Workshop, _ run: String) -> Int {
    let log = try? String(contentsOfFile: workshop.path("\(run)/log.csv"), encoding: .utf8)
    return max((log?.split(separator: "\n").count ?? 0) - 1, 0)
  }

  static func expectEqualRuns(_ workshop: Workshop, _ first: String, _ second: String)
    throws
  {
    for name in ["best/model.safetensors", "last/model.safetensors", "last/optimizer.safetensors"] {
      #expect(
        try workshop.bytes("\(first)/\(name)") == workshop.bytes("\(second)/\(name)"), "\(name)")
    }
    #expect(try losses(workshop, first) == losses(workshop, second))
  }

  /// The log without its column of rates.
  private static func losses(_ workshop: Workshop, _ run: String) throws -> [[Substring]] {
    try String(decoding: workshop.bytes("\(run)/log.csv"), as: UTF8.self)
      .split(separator: "\n").map { line in
        var cells = line.split(separator: ",", omittingEmptySubsequences: false)
        cells.remove(at: 6)
        return cells
      }
  }
}
