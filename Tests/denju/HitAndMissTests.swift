import Foundation
import TestSupport
import Testing

/// Where a prompt's states come from changes nothing in the answer.
@Suite struct HitAndMissTests {
  @Test func `a hit equals a recompute, and a stored miss is a hit`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let hit = try workshop.generate(Workshop.cachedPrompt)
    let recomputed = try workshop.generate("--no-cache", Workshop.cachedPrompt)
    #expect(hit.states == "reused")
    #expect(recomputed.states == "recomputed")
    #expect(hit.ids == recomputed.ids && hit.text == recomputed.text)

    let content = try workshop.digest()
    let miss = try workshop.generate(Workshop.newPrompt)
    #expect(miss.states == "recomputed")
    #expect(try workshop.digest() == content, "nothing is stored unless asked")
    #expect(try workshop.generate("--store", Workshop.newPrompt).states == "recomputed")
    let stored = try workshop.generate(Workshop.newPrompt)
    #expect(stored.states == "reused")
    #expect(stored.ids == miss.ids)
  }

  @Test func `so it is with a fitted codec, whose fit the run keeps`() throws {
    let workshop = try Workshop()
    try workshop.write("fit.jsonl", Workshop.rows(100..<800))
    expectSuccess(
      try workshop.denju(
        workshop.precomputing("--codec", "transform:0.05", "--fit-corpus", "fit.jsonl")))
    expectSuccess(try workshop.denju(workshop.training("run")))
    let hit = try workshop.generate(Workshop.cachedPrompt)
    #expect(hit.states == "reused")
    let miss = try workshop.generate("--store", Workshop.newPrompt)
    let stored = try workshop.generate(Workshop.newPrompt)
    #expect(miss.states == "recomputed" && stored.states == "reused")
    #expect(stored.ids == miss.ids)
    // Merged into a new cache, the states and their fit are as they were.
    let digest = try workshop.digest()
    expectSuccess(try workshop.denju("cache", "merge", "merged.sqlite", "cache.sqlite"))
    #expect(try workshop.digest(workshop.path("merged.sqlite")) == digest)
    try FileManager.default.removeItem(atPath: workshop.cache)
    let recomputed = try workshop.generate(Workshop.cachedPrompt)
    #expect(recomputed.states == "recomputed")
    #expect(recomputed.ids == hit.ids && recomputed.text == hit.text)
    // Another fit in its place is not taken.
    try workshop.write("run/codec-fit", "no fit")
    expectRefusal(
      try workshop.denju("generate", "--run", "run", Workshop.newPrompt), "run/codec-fit")
    try FileManager.default.removeItem(atPath: workshop.path("run/codec-fit"))
    expectRefusal(
      try workshop.denju("generate", "--run", "run", Workshop.newPrompt), "run/codec-fit", "--cache"
    )
    // The cache's own is as good.
    let again = try workshop.generate("--cache", "merged.sqlite", Workshop.cachedPrompt)
    #expect(again.states == "reused" && again.ids == hit.ids)
  }

  @Test func `a hit never opens the source; a miss without it is one clear line`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let before = try workshop.generate(Workshop.cachedPrompt)
    try FileManager.default.removeItem(atPath: workshop.source.weights)
    let hit = try workshop.generate(Workshop.cachedPrompt)
    #expect(hit.ids == before.ids && hit.states == "reused")
    expectRefusal(try workshop.denju("generate", "--run", "run", Workshop.newPrompt), "source")

    try FileManager.default.removeItem(atPath: workshop.source.path)
    #expect(try workshop.generate(Workshop.cachedPrompt).ids == before.ids)
    expectRefusal(try workshop.denju("generate", "--run", "run", Workshop.newPrompt), "--source")
  }

  @Test func `another source is refused on a miss`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    _ = try TinySource(workshop.path("other"), seed: 2)
    expectRefusal(
      try workshop.denju("generate", "--run", "run", "--source", "other", Workshop.newPrompt),
      "other", "weights")
  }

  @Test func `aligned decoding does not depend on the cache`() throws {
    let workshop = try Workshop()
    try workshop.prepare(conditioning: "aligned")
    let with = try workshop.generate(Workshop.cachedPrompt)
    let without = try workshop.generate("--no-cache", Workshop.cachedPrompt)
    #expect(with.ids == without.ids)
  }

  @Test func `a seed decides what is drawn`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let flags = ["--temperature", "2", "--top-p", "0.95", "--top-k", "50"]
    func draw(_ seed: String) throws -> [Int32] {
      let outcome = expectSuccess(
        try workshop.denju(
          ["generate", "--run", "run", "--json", "--max-new-tokens", "12", "--seed", seed] + flags
            + [Workshop.cachedPrompt]))
      return try JSONDecoder().decode(
        Workshop.Generated.self, from: Data(outcome.output.utf8)
      ).ids
    }
    #expect(try draw("1") == draw("1"))
    #expect(try Set((1...4).map { try draw("\($0)") }).count > 1)
  }

  /// A prompt is a user's text; its spellings of special tokens mean nothing unless asked.
  @Test func `special tokens spelled in a prompt are plain text unless asked`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let prompt = "<|im_start|>The thing is"
    let plain = try workshop.generate(prompt)
    let special = try workshop.generate("--special", prompt)
    #expect(plain.promptTokens > special.promptTokens)
    let ids = { (flags: [String]) in
      expectSuccess(
        try workshop.denju(["tokenize", "--model", "source", "--json"] + flags + [prompt])
      ).output
    }
    #expect(try ids([]) != ids(["--special"]))
  }
}
