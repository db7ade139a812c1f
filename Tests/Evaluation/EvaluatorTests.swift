import Evaluation
import FeatureCache
import Foundation
import Generators
import Identity
import Numerics
import Runs
import Testing
import Tokenization

/// Reports whose figures were worked out by hand.
@Suite struct EvaluatorTests {
  static let responses = ["aaa", " bbb\n", "aaa", "c"]

  private func options(_ runs: [String]) -> EvaluationOptions {
    var options = EvaluationOptions(runs: runs)
    options.maxNewTokens = 3
    return options
  }

  @Test func `loss, exact match and the paired difference of two generators that say one word`()
    throws
  {
    let place = try EvaluationPlace(responses: Self.responses)
    let runs = try ["a", "b"].map { try place.run($0, place.constant($0), states: .none) }
    var seen: [Int] = []
    let report = try Evaluator(options(runs)).run { seen.append($0.done) }
    #expect(seen == [1, 2, 3, 4, 1, 2, 3, 4])
    #expect(report.baseline == "a" && report.arms.map(\.name) == ["a", "b"])
    #expect(report.arms.allSatisfy { $0.documents == 4 && $0.states == "none" })
    #expect(report.arms[0].answers == ["aaa", "aaa", "aaa", "aaa"])
    #expect(report.arms[1].answers == ["bbb", "bbb", "bbb", "bbb"])
    // Two of four, one of four.
    #expect(report.arms[0].exactMatch == 0.5 && report.arms[1].exactMatch == 0.25)
    // Document by document: -1, +1, -1, 0.
    let difference = try #require(report.arms[1].difference)
    #expect(difference.mean == -0.25 && report.arms[0].difference == nil)
    #expect(difference.lower == -1 && difference.upper == 0.5, "quarters, of four documents")
    // A token of the generator's word costs ln(e² + 400) - 2, any other one 2 more.
    let other = Foundation.log(Foundation.exp(2.0) + 400)
    let tokens = Self.responses.flatMap { place.tokenizer.encode($0, framed: false) }
    for (arm, word) in zip(report.arms, ["a", "b"]) {
      let hits = tokens.count { Int($0) == place.token(word) }
      let expected = other - 2 * Double(hits) / Double(tokens.count)
      #expect(abs((arm.loss ?? 0) - expected) < 1e-5)
    }
  }

  @Test func `the baseline is the one that is named, and a limit counts documents`() throws {
    let place = try EvaluationPlace(responses: Self.responses)
    let runs = try ["a", "b"].map { try place.run($0, place.constant($0), states: .none) }
    var options = options(runs)
    options.baseline = runs[1]
    options.limit = 2
    let report = try Evaluator(options).run { _ in }
    #expect(report.baseline == "b" && report.arms[1].difference == nil)
    // Of the first two documents each has one right: +1, -1.
    #expect(report.arms.map(\.exactMatch) == [0.5, 0.5])
    #expect(report.arms[0].difference?.mean == 0)
    options.answers = false
    let losses = try Evaluator(options).run { _ in }
    #expect(losses.arms.allSatisfy { $0.exactMatch == nil && $0.answers == nil && $0.loss != nil })
  }

  /// Each document is given its own states, or, where the run was trained so, another one's.
  @Test(arguments: [StatesArm.own, .shuffled]) func `a run is given the states of its arm`(
    arm: StatesArm
  ) throws {
    let place = try EvaluationPlace(responses: Self.responses)
    let model = try place.drawn()
    var options = options([try place.run("run", model, states: arm)])
    options.answers = false
    options.seed = 5
    let loss = try #require(try Evaluator(options).run { _ in }.arms[0].loss)
    func expected(_ partners: [Int]) throws -> Double {
      let results = try Self.responses.indices.map { index in
        let document = place.document(index, Self.responses[index])
        return try model.evaluate(
          [
            GeneratorDocument(
              states: [place.states(partners[index])], prompt: document.promptIDs,
              response: document.responseIDs)
          ], loss: .response)
      }
      return results.reduce(0) { $0 + $1.lossSum }
        / Double(results.reduce(0) { $0 + $1.tokenCount })
    }
    let own = try expected([0, 1, 2, 3])
    let others = try expected(Derangement.partners(of: 4, seed: 5))
    #expect(abs(own - others) > 1e-3, "the states make no difference, and this test none")
    #expect(abs(loss - (arm == .own ? own : others)) < 1e-6)
  }

  @Test func `what is asked has a hash of its documents, weights and options`() throws {
    let place = try EvaluationPlace(responses: Self.responses)
    let run = try place.run("run", place.constant("a"), states: .none)
    let asked = try Evaluator(options([run])).asked()
    #expect(try Evaluator(options([run])).asked() == asked)
    #expect(try Evaluator(options([run])).run { _ in }.asked == asked)
    var hashes: Set = [asked]
    var other = options([run])
    other.limit = 3
    hashes.insert(try Evaluator(other).asked())
    other.limit = nil
    other.seed = 1
    hashes.insert(try Evaluator(other).asked())
    try Checkpoint.save(place.constant("b"), to: RunFolder(run).best, optimizer: nil, files: [:])
    hashes.insert(try Evaluator(options([run])).asked())
    #expect(hashes.count == 4)
  }

  @Test func `options that nothing can be evaluated with are refused`() throws {
    let place = try EvaluationPlace(responses: Self.responses)
    let run = try place.run("run", place.constant("a"), states: .none)
    func refusal(_ change: (inout EvaluationOptions) -> Void) -> EvaluationError? {
      var options = options([run])
      change(&options)
      do {
        _ = try Evaluator(options)
        return nil
      } catch { return error as? EvaluationError }
    }
    #expect(refusal { $0.runs = [] } == .noRuns)
    #expect(refusal { $0.baseline = "other" } == .unknownBaseline("other", runs: [run]))
    for (name, change) in [
      ("limit", { $0.limit = 0 }), ("few-shot", { $0.fewShot = -1 }),
      ("max-new-tokens", { $0.maxNewTokens = 0 }),
    ] as [(String, (inout EvaluationOptions) -> Void)] {
      guard case .badOption(name, _, _) = refusal(change) else {
        Issue.record("\(name)")
        continue
      }
    }
    #expect(refusal { $0.fewShot = 1 } == .notEnoughToShow(asked: 1, documents: 0))
  }
}
