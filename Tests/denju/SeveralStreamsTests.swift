import Foundation
import TestSupport
import Testing

/// A generator that reads several streams: trained, resumed, asked, measured and given away like one that reads one.
@Suite struct SeveralStreamsTests {
  /// A cache with two layers of a source, and the arguments that train on both.
  private func prepared() throws -> Workshop {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "1")))
    expectSuccess(
      try workshop.denju(
        workshop.precomputing("--layer", "-1", "--beside", "--codec", "float16")))
    return workshop
  }

  private func training(_ workshop: Workshop, _ run: String, _ more: String...) -> [String] {
    workshop.training(run, "--stream", "1", "--stream", "2", "--stream-dropout", "0.3") + more
  }

  @Test func `stopped and resumed, it ends in the bits of one that was left alone`() throws {
    let workshop = try prepared()
    expectSuccess(try workshop.denju(training(workshop, "whole")))
    let killed = training(workshop, "parts", "--checkpoint-seconds", "0.001")
    let process = try workshop.start(killed)
    process.waitUntil { TrainingInterruptionTests.steps(workshop, "parts") >= 5 }
    process.send(SIGKILL)
    _ = process.wait()
    expectSuccess(try workshop.denju(killed + ["--resume"]))
    try TrainingInterruptionTests.expectEqualRuns(workshop, "whole", "parts")
    let log = String(decoding: try workshop.bytes("whole/log.csv"), as: UTF8.self)
    #expect(log.contains("scale_0_1,scale_0_2"))
    // On other streams, or in another order, it is another run.
    for streams in [["1"], ["2", "1"]] {
      expectRefusal(
        try workshop.denju(
          workshop.training("parts", "--resume") + streams.flatMap { ["--stream", $0] }), "parts")
    }
  }

  @Test func `each stream is reused or computed, and the answer is the same`() throws {
    let workshop = try prepared()
    expectSuccess(try workshop.denju(training(workshop, "run")))
    let hit = try workshop.generate(Workshop.cachedPrompt)
    let recomputed = try workshop.generate("--no-cache", Workshop.cachedPrompt)
    #expect(hit.states == "reused" && recomputed.states == "recomputed")
    #expect(hit.ids == recomputed.ids)
    // What is stored of a miss is stored in both.
    let miss = try workshop.generate("--store", Workshop.newPrompt)
    let stored = try workshop.generate(Workshop.newPrompt)
    #expect(miss.states == "recomputed" && stored.states == "reused" && stored.ids == miss.ids)

    // A stream that was purged is computed, or left out, and the other's states are still the cache's.
    let without = try workshop.generate("--without-stream", "2", Workshop.cachedPrompt)
    #expect(without.states == "reused")
    expectSuccess(
      try workshop.denju("cache", "purge", "cache.sqlite", "--stream", "2"))
    let half = try workshop.generate(Workshop.cachedPrompt)
    #expect(half.states == "recomputed" && half.ids == hit.ids)
    let left = try workshop.generate("--without-stream", "2", Workshop.cachedPrompt)
    #expect(left.states == "reused" && left.ids == without.ids)
    let partly = try workshop.denju("generate", "--run", "run", "--store", "Something else")
    #expect(expectSuccess(partly).errors.contains("states of stream 2 are not stored"))
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    // A loss without it would be another arm's.
    expectRefusal(try workshop.denju("evaluate", "--run", "run", "--loss-only"), "stream 2")
    expectRefusal(
      try workshop.denju(
        "generate", "--run", "run", "--without-stream", "1", "--without-stream", "2", "a"),
      "without-stream", "one has to be left")
    expectRefusal(
      try workshop.denju("generate", "--run", "run", "--without-stream", "3", "a"),
      "without-stream", "3")
  }

  /// The other has a tokenizer of its own, so that a prompt has other counts of states in the two.
  @Test func `two sources, each found by its weights`() throws {
    let workshop = try Workshop()
    let other = try TinySource(workshop.path("other"), seed: 2)
    try FileManager.default.removeItem(atPath: other.path + "/tokenizer.json")
    try FileManager.default.copyItem(
      atPath: Checkout.path("Tests/Tokenization/Vectors/tiny-gpt2.json"),
      toPath: other.path + "/tokenizer.json")
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(
      try workshop.denju(
        workshop.precomputing("--source", "other", "--layer", "2", "--beside")))
    expectSuccess(try workshop.denju(training(workshop, "run")))
    let hit = try workshop.generate(Workshop.cachedPrompt)
    let recomputed = try workshop.generate("--no-cache", Workshop.cachedPrompt)
    #expect(hit.states == "reused" && recomputed.states == "recomputed")
    #expect(hit.ids == recomputed.ids)
    let miss = try workshop.generate("--store", Workshop.newPrompt)
    let stored = try workshop.generate(Workshop.newPrompt)
    #expect(miss.states == "recomputed" && stored.states == "reused" && stored.ids == miss.ids)
    expectSuccess(try workshop.denju("cache", "verify", "cache.sqlite"))
    expectSuccess(
      try workshop.denju("evaluate", "--run", "run", "--without-stream", "2", "--loss-only"))

    // Moved, it is found where it is named, whatever the order; one that is of neither is refused.
    try FileManager.default.moveItem(atPath: other.path, toPath: workshop.path("moved"))
    expectRefusal(
      try workshop.denju("generate", "--run", "run", "--no-cache", "a thing"), "--source")
    for sources in [["moved"], ["source", "moved"], ["moved", "source"]] {
      let named = try workshop.generate(
        sources.flatMap { ["--source", $0] } + ["--no-cache", Workshop.newPrompt])
      #expect(named.ids == miss.ids)
    }
    // Named where nothing is, or something else, it is not passed over for where a source once was.
    let third = try TinySource(workshop.path("third"), family: .qwen2, seed: 3)
    for path in ["nowhere", third.path] {
      expectRefusal(
        try workshop.denju(
          "generate", "--run", "run", "--no-cache", "--source", "moved", "--source", path,
          "a thing"), path)
    }
    // Only the first one's source is named: the other one's place is what is missing.
    expectRefusal(
      try workshop.denju("generate", "--run", "run", "--no-cache", "--source", "source", "a thing"),
      "no source", "other")
    let without = try workshop.generate("--without-stream", "2", "--no-cache", "Another thing")
    #expect(without.states == "recomputed")
    // Purged, the first source and its tokenizer are gone from the file, and the run goes on without it.
    expectSuccess(try workshop.denju("cache", "purge", "cache.sqlite", "--stream", "1"))
    let left = try workshop.generate("--without-stream", "1", Workshop.cachedPrompt)
    #expect(left.states == "reused")
  }

  /// Weights that read several streams are refused, where what is imported could read one alone.
  @Test func `its weights alone make no run`() throws {
    let workshop = try prepared()
    expectSuccess(try workshop.denju(training(workshop, "run", "--epochs", "1")))
    expectRefusal(
      try workshop.denju(
        "import-checkpoint", "run/best/model.safetensors", "--source", "source", "--run", "other"),
      "2 streams", "the whole run's folder")
  }

  /// A pooled reading has no factors to be shown.
  @Test func `what is not there is not printed`() throws {
    let workshop = try prepared()
    expectSuccess(
      try workshop.denju(training(workshop, "run", "--epochs", "1", "--reader", "pooled")))
    let shown = try workshop.denju("inspect", "run")
    expectSuccess(shown)
    #expect(shown.output.contains("stream 2: layer") && !shown.output.contains("scales"))
  }

  @Test func `it is measured with each stream left out, shown, and given away`() throws {
    let workshop = try prepared()
    expectSuccess(try workshop.denju(training(workshop, "run")))
    expectSuccess(try workshop.denju(workshop.training("one", "--stream", "2")))
    let report = expectSuccess(
      try workshop.denju(
        "evaluate", "--run", "run", "--run", "one", "--without-stream", "1", "--without-stream",
        "2", "--max-new-tokens", "4", "--json"))
    struct Report: Decodable {
      struct Arm: Decodable {
        let name: String
        let loss: Double
      }
      let arms: [Arm]
    }
    let arms = try JSONDecoder().decode(Report.self, from: Data(report.output.utf8)).arms
    #expect(
      arms.map(\.name) == ["run", "run without stream 1", "run without stream 2", "one"])
    #expect(Set(arms.map(\.loss)).count == 4)
    expectRefusal(
      try workshop.denju("evaluate", "--run", "one", "--without-stream", "1"), "without-stream")

    let shown = expectSuccess(try workshop.denju("inspect", "run")).output
    for line in ["stream 1: layer 1", "stream 2: layer 3"] { #expect(shown.contains(line)) }
    #expect(shown.contains("scales"))
    // As JSON, the same values: a factor a layer of the generator.
    let streams = try inspected(workshop, "run")
    #expect(streams.map(\.stream) == [1, 2])
    #expect(streams.map(\.layer) == [1, 3])
    #expect(streams.map(\.codec) == ["int8", "float16"])
    for stream in streams {
      #expect(stream.scales.count == 2)
      let scales = stream.scales.map { String(format: "%.3f", $0) }.joined(separator: " ")
      #expect(
        shown.contains(
          "stream \(stream.stream): layer \(stream.layer) of width \(stream.width), \(stream.codec), "
            + "of \(stream.source); scales \(scales)\n"))
    }
    #expect(try inspected(workshop, "one").map(\.layer) == [3])
    #expect(try inspected(workshop, "one").map(\.scales) == [[]])

    expectSuccess(try workshop.denju("export", "--run", "run", "--out", "exported"))
    let weights = try workshop.bytes("exported/model.safetensors")
    #expect(weights.count > 1000)
  }

  private struct InspectedStream: Decodable {
    let stream: Int
    let source: String
    let layer: Int
    let width: Int
    let codec: String
    let scales: [Float]
  }

  /// The streams that `inspect --json` says in its first line, before the tensors.
  private func inspected(_ workshop: Workshop, _ run: String) throws -> [InspectedStream] {
    struct Run: Decodable {
      let streams: [InspectedStream]
    }
    struct Tensor: Decodable {
      let name: String
    }
    let lines = expectSuccess(try workshop.denju("inspect", run, "--json")).output
      .split(separator: "\n").map { Data($0.utf8) }
    #expect(lines.count > 10)
    for line in lines.dropFirst() { _ = try JSONDecoder().decode(Tensor.self, from: line) }
    return try JSONDecoder().decode(Run.self, from: try #require(lines.first)).streams
  }

  @Test func `documents that only one stream has are refused, with counts`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "1")))
    try workshop.write("train.jsonl", Workshop.rows(6..<11))
    expectSuccess(try workshop.denju(workshop.precomputing("--layer", "2", "--beside")))
    expectRefusal(try workshop.denju(training(workshop, "run")), "24 in stream 1", "stream 2")
    expectRefusal(
      try workshop.denju(workshop.training("run", "--stream", "1", "--stream", "1")), "stream")
    expectRefusal(
      try workshop.denju(
        workshop.training("run", "--stream", "1", "--stream-dropout", "0.5")), "stream-dropout")
  }
}
