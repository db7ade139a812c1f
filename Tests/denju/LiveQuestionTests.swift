import Foundation
import TestSupport
import Testing

/// What a pipeline's questions are answered with, beside what the source itself says and what is expected.
@Suite struct LiveQuestionTests {
  /// The first is of the test set, the second of the validation set, the third was trained on.
  static let prompts = [
    Workshop.prompt(2), Workshop.prompt(31), Workshop.cachedPrompt, Workshop.newPrompt,
  ]

  private static func pipeline(fewShot: Int) -> String {
    PipelineRunTests.pipeline
      .replacingOccurrences(
        of: "evaluate:\n",
        with: fewShot > 0 ? "evaluate:\n  few-shot: \(fewShot)\n  source: source\n" : "evaluate:\n"
      )
      .replacingOccurrences(
        of: "    - \(Workshop.cachedPrompt)\n    - \(Workshop.newPrompt)\n",
        with: prompts.map { "    - \($0)\n" }.joined())
  }

  private struct Answer: Decodable {
    struct Source: Decodable {
      let fewShot: Int
      let text: String
    }
    let text: String
    let source: Source?
    let expected: String?
  }

  private func answers(_ workshop: Workshop) throws -> [Answer] {
    let outcome = expectSuccess(try workshop.denju("run", "tiny.yaml", "--json"))
    // The evaluation stands before them.
    let lines = outcome.output.split(separator: "\n").suffix(Self.prompts.count)
    return try lines.map { try JSONDecoder().decode(Answer.self, from: Data($0.utf8)) }
  }

  @Test func `the source answers as it does in the evaluation, and what is held out is expected`()
    throws
  {
    let workshop = try Workshop()
    try workshop.write("tiny.yaml", Self.pipeline(fewShot: 3))
    let shown = expectSuccess(try workshop.denju("run", "tiny.yaml"))
    struct Report: Decodable {
      struct Arm: Decodable {
        let name: String
        let answers: [String]
      }
      let arms: [Arm]
    }
    let report = try JSONDecoder().decode(Report.self, from: workshop.bytes("runs/own/report.json"))
    let arm = try #require(report.arms.first { $0.name == "source, 3-shot" })

    let answers = try answers(workshop)
    // The test set's third row.
    #expect(answers[0].source?.text == arm.answers[2])
    #expect(answers.map { $0.source?.fewShot } == [3, 3, 3, 3])
    #expect(answers.map(\.expected) == [" blue.", " green.", nil, nil])
    // Whatever was shown and asked: other questions have other answers.
    #expect(Set(answers.compactMap { $0.source?.text }).count > 1)
    for answer in answers {
      let text = try #require(answer.source).text.trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(shown.output.contains("\nsource itself, 3-shot: \(text)\n"))
    }
    #expect(shown.output.contains("\nexpected: blue.\n"))
    #expect(shown.output.ranges(of: "\nexpected: ").count == 2)
    #expect(!shown.errors.contains("not asked"))

    // Shown other documents, it says other things.
    try workshop.write(
      "tiny.yaml",
      Self.pipeline(fewShot: 3).replacingOccurrences(
        of: "evaluate:\n", with: "evaluate:\n  seed: 4\n")
    )
    let others = try self.answers(workshop)
    #expect(others.map { $0.source?.text } != answers.map { $0.source?.text })
  }

  @Test func `a pipeline that shows it nothing asks it all the same`() throws {
    let workshop = try Workshop()
    try workshop.write("tiny.yaml", Self.pipeline(fewShot: 0))
    let answers = try answers(workshop)
    #expect(answers.map { $0.source?.fewShot } == [0, 0, 0, 0])
    #expect(answers[0].expected == " blue.")
    // `generate` itself asks the generator alone.
    let alone = expectSuccess(
      try workshop.denju("generate", "--run", "runs/own", "--json", Self.prompts[0]))
    let answer = try JSONDecoder().decode(Answer.self, from: Data(alone.output.utf8))
    #expect(answer.source == nil && answer.expected == nil)
  }

  @Test func `a source that writes nothing is left out, without a word`() throws {
    let workshop = try Workshop()
    _ = try TinySource(workshop.path("encoder"), family: .bert)
    try workshop.write(
      "tiny.yaml",
      Self.pipeline(fewShot: 0).replacingOccurrences(of: "source: source", with: "source: encoder"))
    let shown = expectSuccess(try workshop.denju("run", "tiny.yaml"))
    #expect(!shown.output.contains("source itself") && !shown.errors.contains("not asked"))
    #expect(shown.output.contains("\nexpected: blue.\n"))
    let answers = try answers(workshop)
    #expect(answers.allSatisfy { $0.source == nil })
    #expect(answers[0].expected == " blue.")
  }

  @Test
  func `where the source is gone the cached are answered, and it is said why it is not asked`()
    throws
  {
    let workshop = try Workshop()
    let cached = PipelineRunTests.pipeline.replacingOccurrences(
      of: "    - \(Workshop.newPrompt)\n", with: "")
    try workshop.write("tiny.yaml", cached)
    expectSuccess(try workshop.denju("run", "tiny.yaml"))
    try FileManager.default.moveItem(
      atPath: workshop.source.path, toPath: workshop.path("elsewhere"))
    let stage = try #require(cached.range(of: "generate:"))
    try workshop.write("tiny.yaml", String(cached[stage.lowerBound...]))
    let outcome = expectSuccess(try workshop.denju("run", "tiny.yaml"))
    #expect(outcome.errors.contains("the source itself is not asked: "))
    #expect(!outcome.output.contains("source itself"))
  }
}
