import FeatureCache
import Identity
import Numerics
import Probing
import TestSupport
import Testing

/// The whole probe on caches whose answers are known to be there, or not to be.
@Suite struct ProbeTests {
  let cache: ProbeCache

  init() throws {
    cache = try ProbeCache()
  }

  private func report(_ change: (inout ProbeOptions) -> Void = { _ in }) throws -> ProbeReport {
    var options = ProbeOptions(cache: cache.path)
    change(&options)
    return try Probe(options).run { _, _ in }
  }

  /// A report but for what the clock says.
  private func figures(_ report: ProbeReport) -> [String] {
    report.readings.map {
      "\($0.streams.map(\.number)) \($0.feature) \($0.score) \($0.strength) \($0.crossValidated)"
    } + report.baselines.map { "\($0.name) \($0.score) \(String(describing: $0.strength))" }
  }

  @Test func `the stream and the token that carry the answer are at the top`() throws {
    try cache.add(layer: 1, size: 0)
    try cache.add(layer: 2, size: 12)
    let report = try report()
    #expect(report.readings.count == 9, "two streams and their pair, three features each")
    let best = try #require(report.best)
    // Twelve deviations apart, every row is told right.
    #expect(best.score.accuracy == 1 && best.streams.map(\.layer) == [2])
    let nothing = try #require(
      report.readings.first { $0.streams.map(\.layer) == [1] && $0.feature == "last" })
    // A third of 30 by chance: more than 20 right has a chance of 1 in 10,000.
    #expect(nothing.score.accuracy <= 20.0 / 30)
    #expect(report.cheapest?.streams.count == 1)
    let names = report.baselines.map(\.name)
    #expect(names == ["chance", "commonest answer", "bag of tokens"])
    #expect(report.baselines[0].score.accuracy == 1.0 / 3)
    #expect(report.baselines[1].score.accuracy == 1.0 / 3)
    #expect(report.question.target == "label" && report.question.classes == 3)
    #expect(report.question.reason?.contains("60 of 60") == true)
  }

  @Test func `bytes are the stream's, and a pair's those of both`() throws {
    try cache.add(layer: 1, size: 0)
    try cache.add(layer: 2, size: 12)
    let report = try report { $0.features = Array($0.features.prefix(1)) }
    for reading in report.readings {
      let expected = reading.streams.reduce(0) { $0 + $1.bytesPerToken }
      #expect(reading.bytesPerToken == expected && expected > 0)
      #expect(abs(reading.bytesPerPrompt - 3 * expected) < 1e-9, "prompts of three tokens")
    }
    #expect(Set(report.readings.map(\.streams.count)) == [1, 2])
  }

  @Test func `scored rows decide nothing but their own score`() throws {
    try cache.add(layer: 2, size: 2)
    let before = try report()
    let other = try ProbeCache()
    let swapped = ProbeCache.items.map { item in
      item.split == .train
        ? item : ProbeCache.Item(item.number, .validation, answer: "red")
    }
    try other.add(layer: 2, size: 2, items: swapped)
    let after = try Probe(ProbeOptions(cache: other.path)).run { _, _ in }
    for reading in before.readings {
      let same = try #require(after.readings.first { $0.feature == reading.feature })
      #expect(same.strength == reading.strength && same.crossValidated == reading.crossValidated)
    }
    #expect(after.readings.map(\.score) != before.readings.map(\.score))
  }

  @Test func `the seed decides the figures, and threads do not`() throws {
    try cache.add(layer: 2, size: 2)
    let figures = figures(try report())
    #expect(self.figures(try report()) == figures)
    let alone = try ThreadTeam.shared.limited(to: 1) { try report() }
    #expect(self.figures(alone) == figures)
    #expect(self.figures(try report { $0.seed = 9 }) != figures)
  }

  @Test func `answers that no training row has are wrong, and counted`() throws {
    let items = ProbeCache.items.map { item in
      item.split == .validation && item.number % 3 == 0
        ? ProbeCache.Item(item.number, .validation, answer: "violet") : item
    }
    try cache.add(layer: 2, size: 12, items: items)
    let report = try report()
    #expect(report.question.unknownAnswers == 10)
    #expect(report.best?.score.accuracy == 20.0 / 30)
  }

  @Test func `rows that a stream lacks are left out of all, and counted`() throws {
    try cache.add(layer: 1, size: 12)
    try cache.add(layer: 2, size: 12, items: Array(ProbeCache.items.dropFirst(5).dropLast(2)))
    let report = try report()
    #expect(report.question.lackingRows == 7)
    #expect(report.question.trainingRows == 55 && report.question.scoredRows == 28)
  }

  /// The states of the first layer are the same where every prompt ends in one token.
  @Test func `features that are the same in every row read the commonest answer`() throws {
    try cache.add(layer: 0, isConstant: true)
    let report = try report()
    let commonest = try #require(report.baselines.first { $0.name == "commonest answer" })
    for reading in report.readings { #expect(reading.score == commonest.score) }
    #expect(report.readings.count == 3)
  }

  /// Two sources write a conversation each in a way of its own: it is one document.
  @Test func `rows are joined by what was given, not by what a source reads`() throws {
    try cache.add(layer: 1, size: 12, writes: { "<user>\($0)" })
    try cache.add(layer: 2, size: 12, tokenizer: "another", writes: { "[INST] \($0)" })
    let report = try report()
    #expect(report.question.lackingRows == 0)
    #expect(report.question.trainingRows == 60 && report.question.scoredRows == 30)
  }

  @Test func `a limit draws rows of both sets by the seed`() throws {
    try cache.add(layer: 2, size: 12)
    let report = try report { $0.limit = 20 }
    #expect(report.question.trainingRows == 20 && report.question.scoredRows == 20)
  }

  @Test func `responses that do not recur are read by their first token`() throws {
    let items = ProbeCache.items.map {
      ProbeCache.Item($0.number, $0.split, answer: "answer \($0.number)")
    }
    try cache.add(layer: 2, size: 12, items: items)
    let rows = try ProbeSet(
      try FeatureCache.open(cache.path).streams(), .train, limit: 100, seed: 0
    ).rows
    #expect(ProbeTarget.suggested(rows).target.name == "first-token")
    #expect(ProbeTarget.suggested(rows).reason.contains("0 of 60"))
    #expect(rows[4].places[0].firstOfResponse == 1)
  }

  // MARK: Refusals

  private func expectRefusal(_ words: String..., change: (inout ProbeOptions) -> Void = { _ in }) {
    do {
      _ = try report(change)
      Issue.record("it was not refused")
    } catch {
      for word in words { #expect("\(error)".contains(word), "\(error)") }
    }
  }

  @Test func `sets without documents`() throws {
    try cache.add(layer: 2, size: 1, items: ProbeCache.items.filter { $0.split == .train })
    expectRefusal("no validation document", "precompute with a validation set")
    expectRefusal("no test document") { $0.scored = .test }
    let other = try ProbeCache()
    try other.add(layer: 2, size: 1, items: ProbeCache.items.filter { $0.split != .train })
    expectRefusal("no train document") { $0.cache = other.path }
  }

  @Test func `one class, and rows too few for the folds`() throws {
    try cache.add(
      layer: 2, size: 1,
      items: ProbeCache.items.map { ProbeCache.Item($0.number, $0.split, answer: "red") })
    expectRefusal("the same label, `red`")
    let other = try ProbeCache()
    try other.add(layer: 2, size: 1, items: Array(ProbeCache.items[57..<63]))
    expectRefusal("3 training rows", "at least 5") { $0.cache = other.path }
  }

  @Test func `streams that are not there, or have no states of prompts alone`() throws {
    try cache.add(layer: 1, size: 1)
    expectRefusal("no stream 7: there are 1") { $0.streams = [7] }
    try cache.add(layer: 2, size: 1, coverage: .document)
    expectRefusal("stream 2 has no states of train prompts", "--stream")
    #expect(throws: Never.self) { try report { $0.streams = [1] } }
  }

  @Test func `streams without a document in common`() throws {
    try cache.add(layer: 1, size: 1, items: ProbeCache.items.filter { $0.number % 2 == 0 })
    try cache.add(layer: 2, size: 1, items: ProbeCache.items.filter { $0.number % 2 == 1 })
    expectRefusal("in all of the streams 1, 2")
  }

  @Test func `options that can't be meant`() {
    expectRefusal("--limit 4", "at least 5") { $0.limit = 4 }
    expectRefusal("--set", "asked", "validation, test") { $0.scored = .asked }
    #expect(throws: ProbingError.self) { try ProbeTarget.named("sentiment") }
  }
}
