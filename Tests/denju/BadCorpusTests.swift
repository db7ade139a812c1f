import Foundation
import TestSupport
import Testing

/// A corpus that can't be used is named by file and line; what was stored before stays.
@Suite struct BadCorpusTests {
  static func precompute(_ workshop: Workshop, _ more: String...) throws -> Program.Outcome {
    try workshop.denju(
      ["precompute", "--source", "source", "--corpus", "bad.jsonl", "--cache", "cache.sqlite"]
        + more)
  }

  static let good = #"{"prompt": "a thing", "response": "b"}"# + "\n"

  @Test(arguments: [
    #"{"prompt": "#, "nonsense", #"{"prompt": "a"}"#, #"{"prompt": "", "response": "b"}"#,
    #"{"prompt": 3, "response": "b"}"#, #"{"something": "else"}"#, #"["prompt"]"#, "null",
    #"{"messages": []}"#, #"{"messages": [{"role": "user", "content": "alone"}]}"#,
    "{\"prompt\": \"\u{1}\", \"response\": \"b\"}",
  ])
  func `a broken row`(row: String) throws {
    let workshop = try Workshop()
    try workshop.write("bad.jsonl", Self.good + row + "\n")
    expectRefusal(try Self.precompute(workshop), "bad.jsonl:2")
    let skipped = expectSuccess(try Self.precompute(workshop, "--bad-rows", "skip"))
    #expect(skipped.errors.contains("precompute: 1 documents"))
    #expect(skipped.errors.contains("bad.jsonl:2") || skipped.errors.contains("1 "))
  }

  @Test func `bytes that are not UTF-8`() throws {
    let workshop = try Workshop()
    let bytes =
      Data(Self.good.utf8) + Data(#"{"prompt": ""#.utf8) + [0xFF, 0xC0]
      + Data(#"", "response": "b"}"#.utf8)
    try bytes.write(to: URL(fileURLWithPath: workshop.path("bad.jsonl")))
    expectRefusal(try Self.precompute(workshop), "bad.jsonl:2")
  }

  /// A corpus is read more than once; what can be read once is refused, not waited for.
  @Test func `a pipe`() throws {
    let workshop = try Workshop()
    try #require(mkfifo(workshop.path("bad.jsonl"), 0o600) == 0)
    expectRefusal(try Self.precompute(workshop), "bad.jsonl", "plain file")
  }

  /// Results that can't be written are a failure, notes that can't be are none.
  @Test func `standard streams that are full or closed`() throws {
    let workshop = try Workshop()
    func shell(_ line: String) throws -> Program.Outcome {
      try RunningProgram("/bin/sh", ["-c", "'\(Program.path)' \(line)"], in: workshop.folder).wait()
    }
    let precompute = workshop.precomputing().joined(separator: " ")
    #expect(try shell("\(precompute) 2>&-").status == 0)
    let digest = try workshop.digest()
    try FileManager.default.removeItem(atPath: workshop.cache)
    #expect(try shell("\(precompute) 2>/dev/full").status == 0)
    #expect(try workshop.digest() == digest)
    for full in [">/dev/full", ">&-"] {
      expectRefusal(try shell("cache stats cache.sqlite \(full)"), "standard output")
    }
  }

  @Test(arguments: ["", "\n\n"])
  func `an empty corpus`(text: String) throws {
    let workshop = try Workshop()
    try workshop.write("bad.jsonl", text)
    expectRefusal(try Self.precompute(workshop), "bad.jsonl")
  }

  @Test func `a corpus that is not there`() throws {
    let workshop = try Workshop()
    expectRefusal(try Self.precompute(workshop), "bad.jsonl")
  }

  @Test func `a broken row late in a corpus loses nothing that was stored`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let content = try workshop.digest()
    try workshop.write("bad.jsonl", Workshop.rows(100..<130) + "{\n")
    expectRefusal(try Self.precompute(workshop), "bad.jsonl:31")
    #expect(try workshop.digest() == content)
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
  }

  @Test func `a document over the limits`() throws {
    let workshop = try Workshop()
    let long = String(repeating: "long ", count: 300)
    try workshop.write(
      "bad.jsonl", Self.good + #"{"prompt": "\#(long)", "response": "b"}"# + "\n")
    expectRefusal(try Self.precompute(workshop), "bad.jsonl:2", "--too-long")
    // Cut from the right, a prompt that fills the limit leaves no room for a response.
    for (way, left) in [("skip", 1), ("truncate-left", 2), ("truncate-right", 1)] {
      let outcome = expectSuccess(
        try Self.precompute(workshop, "--too-long", way, "--max-tokens", "100"))
      #expect(outcome.errors.contains("precompute: \(left) documents"))
    }
  }

  @Test func `a leak between the sets' files`() throws {
    let workshop = try Workshop()
    try workshop.write("test.jsonl", Workshop.rows(6..<8))
    expectRefusal(try workshop.denju(workshop.precomputing()), "train.jsonl", "test.jsonl")
    let dropped = workshop.precomputing("--leaks", "drop")
    let outcome = expectSuccess(try workshop.denju(dropped))
    #expect(outcome.errors.contains("precompute: 30 documents"))
  }

  @Test func `options that contradict each other`() throws {
    let workshop = try Workshop()
    try workshop.write("bad.jsonl", Self.good)
    expectRefusal(try Self.precompute(workshop, "--train", "train.jsonl"), "--corpus")
    expectRefusal(try Self.precompute(workshop, "--test", "test.jsonl"), "--test")
    expectRefusal(try Self.precompute(workshop, "--test-share", "2"), "2")
    expectRefusal(try Self.precompute(workshop, "--max-tokens", "0"), "--max-tokens")
    expectRefusal(try Self.precompute(workshop, "--fields", "nonsense"), "nonsense")
  }
}
