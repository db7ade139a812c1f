import Foundation
import Pipeline
import TestSupport
import Testing

@Suite struct PipelineFileTests {
  private func pipeline(_ text: String) throws -> PipelineFile {
    try TemporaryFolder.with { try PipelineFile(path: $0.write("pipeline.yaml", text)) }
  }

  @Test func `keys become flags, in the file's order`() throws {
    let file = try pipeline(
      """
      name: one
      precompute:
        source: a model
        layer: -1
        before-norm: true
        accept-other-numerics: false
      train: {cache: c, learning-rate: 5.0e-4}
      """)
    #expect(file.name == "one")
    #expect(file.steps.map(\.stage) == [.precompute, .train])
    #expect(file.steps[0].arguments == ["--source=a model", "--layer=-1", "--before-norm"])
    #expect(file.steps[1].arguments == ["--cache=c", "--learning-rate=5.0e-4"])
    #expect(file.steps.map(\.line) == [3, 7])
  }

  @Test func `a list repeats a flag, or the stage`() throws {
    let file = try pipeline(
      """
      train:
        - {run: a}
        - {run: b}
      evaluate: {run: [a, b]}
      """)
    #expect(file.steps.map(\.stage) == [.train, .train, .evaluate])
    #expect(file.steps[2].arguments == ["--run=a", "--run=b"])
  }

  @Test func `merge keys bring in what a section does not say itself`() throws {
    let file = try pipeline(
      """
      train:
        - &first {run: a, width: 32, states: own}
        - {<<: *first, run: b}
        - &third {<<: [{run: x, seed: 4}, *first], run: c}
        - {<<: *third, states: none}
      """)
    #expect(Set(file.steps[1].arguments) == ["--run=b", "--width=32", "--states=own"])
    #expect(
      Set(file.steps[2].arguments) == ["--run=c", "--seed=4", "--width=32", "--states=own"])
    #expect(
      Set(file.steps[3].arguments) == ["--run=c", "--seed=4", "--width=32", "--states=none"])
  }

  @Test func `the file's seed is every stage's that has none`() throws {
    let file = try pipeline("seed: 9\ntrain:\n  - {run: a}\n  - {run: b, seed: 2}\n")
    #expect(file.steps[0].arguments == ["--seed=9", "--run=a"])
    #expect(file.steps[1].arguments == ["--run=b", "--seed=2"])
  }

  @Test func `a prompt that is a YAML word stays text`() throws {
    let file = try pipeline("generate: {run: a, prompt: [yes, true, 1.50, ~]}")
    #expect(
      file.steps[0].arguments
        == ["--run=a", "--prompt=yes", "--prompt=true", "--prompt=1.50", "--prompt=~"])
  }

  @Test(arguments: [
    ("train: {run: a}\nfine-tune: {}", 2, "fine-tune"), ("train: ]", 1, "YAML"),
    ("train: {run: a}\nevaluate: nonsense", 2, "evaluate"),
    ("train:\n  run: {a: b}", 2, "run"), ("name: alone", 1, "stage"), ("- a\n- b", 1, "mapping"),
    ("", 1, "mapping"), ("name: [a]\ntrain: {run: a}", 1, "name"),
    ("a: 1\n\tb: 2", 2, "YAML"), ("train: {run: a, run: b}", 1, "run"),
  ])
  func `a mistake is named by its line`(text: String, line: Int, word: String) {
    #expect {
      try pipeline(text)
    } throws: { error in
      let said = "\(error)"
      return said.contains(".yaml:\(line): ") && said.contains(word) && !said.contains("\n")
    }
  }

  @Test func `a file that is not there`() {
    #expect(throws: PipelineError.self) { try PipelineFile(path: "/nowhere/at/all.yaml") }
  }
}
