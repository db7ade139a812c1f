import Corpora
import Foundation
import TestSupport
import Testing

/// Which row is trained on, and which is held out.
@Suite struct SplitTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func bytes(_ number: Int) -> [UInt8] { Array("prompt \(number)".utf8) }

  @Test func fractionsAreMet() throws {
    let split = try HashSplit(seed: 7, validation: 0.1, test: 0.25)
    var counts: [CorpusSplit: Int] = [:]
    for number in 0..<20_000 { counts[split.split(bytes(number)), default: 0] += 1 }
    // Five standard deviations of 20,000 draws are under 310.
    #expect(abs((counts[.validation] ?? 0) - 2_000) < 310)
    #expect(abs((counts[.test] ?? 0) - 5_000) < 310)
  }

  @Test func theSeedDecides() throws {
    let splits = try [1, 1, 2].map { try HashSplit(seed: $0, validation: 0.3, test: 0.3) }
    let sets = splits.map { split in (0..<200).map { split.split(bytes($0)) } }
    #expect(sets[0] == sets[1])
    #expect(sets[0] != sets[2])
    let all = try HashSplit(seed: 1, validation: 0, test: 0)
    #expect((0..<200).allSatisfy { all.split(bytes($0)) == .train })
  }

  /// SHA-256 by Python's hashlib: int.from_bytes(sha256(b"denju split 1" + seed.to_bytes(8,
  /// "little") + prompt).digest()[:8], "big") >> 11
  @Test func aKnownHash() throws {
    let place = 0.105976252949911
    #expect(
      try HashSplit(seed: 3, validation: 0, test: place + 1e-9).split(Array("hello".utf8)) == .test)
    #expect(
      try HashSplit(seed: 3, validation: 0, test: place - 1e-9).split(Array("hello".utf8)) == .train
    )
  }

  @Test(arguments: [
    (-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (1.0, 0.0), (Double.nan, 0.1), (0.1, Double.infinity),
  ])
  func badFractions(validation: Double, test: Double) throws {
    #expect(throws: CorpusError.self) { try HashSplit(seed: 1, validation: validation, test: test) }
  }

  @Test func equalPromptsStayTogether() throws {
    let lines = (0..<300).flatMap { number in
      (0..<3).map { #"{"prompt": "p\#(number)", "response": "r\#($0)"}"# }
    }
    let corpus = try Corpus(try folder.write("a.jsonl", lines.joined(separator: "\n")))
    let reader = try SplitCorpus.hashed(corpus, HashSplit(seed: 5, validation: 0.2, test: 0.2))
      .reader()
    var sets: [[UInt8]: Set<CorpusSplit>] = [:]
    while let (row, split) = try reader.next() { sets[row.splitBytes, default: []].insert(split) }
    #expect(sets.count == 300)
    #expect(sets.values.allSatisfy { $0.count == 1 })
  }

  @Test func turnsCannotBeTakenForOthers() {
    let place = CorpusLocation(file: "a", line: 1)
    func bytes(_ turns: [ChatTurn]) -> [UInt8] {
      CorpusRow(prompt: .messages(turns), response: "r", location: place).splitBytes
    }
    let one = bytes([
      ChatTurn(role: .user, content: "ab"), ChatTurn(role: .assistant, content: "c"),
    ])
    let other = bytes([
      ChatTurn(role: .user, content: "a"), ChatTurn(role: .assistant, content: "bc"),
    ])
    #expect(one != other)
  }

  private func file(_ name: String, _ prompts: [String]) throws -> Corpus {
    let lines = prompts.map { #"{"prompt": "\#($0)", "response": "r"}"# }
    return try Corpus(try folder.write(name, lines.joined(separator: "\n")))
  }

  private func files(_ leaks: LeakPolicy) throws -> SplitCorpus {
    .files(
      train: try file("train.jsonl", ["a", "b", "c", "b", "d"]),
      validation: try file("validation.jsonl", ["e", "c"]),
      test: try file("test.jsonl", ["b", "f"]), leaks: leaks)
  }

  @Test func leaksAreRefused() throws {
    let error = #expect(throws: CorpusError.self) { try files(.refuse).reader() }
    #expect(
      error?.description.hasPrefix("3 prompts are in more than one set, as the one of ") == true)
  }

  @Test func leaksAreDroppedFromTraining() throws {
    let reader = try files(.drop).reader()
    var sets: [CorpusSplit: [String]] = [:]
    while let (row, split) = try reader.next() {
      if case .raw(let prompt) = row.prompt { sets[split, default: []].append(prompt) }
    }
    #expect(sets == [.train: ["a", "d"], .validation: ["e", "c"], .test: ["b", "f"]])
    #expect(reader.bad.counts == ["held out as well": 3])
  }

  @Test func filesWithoutLeaks() throws {
    let corpus = SplitCorpus.files(
      train: try file("train.jsonl", ["a", "a"]), validation: nil,
      test: try file("test.jsonl", ["b"]),
      leaks: .refuse)
    let reader = try corpus.reader()
    var splits: [CorpusSplit] = []
    while let (_, split) = try reader.next() { splits.append(split) }
    #expect(splits == [.test, .train, .train])
  }
}
