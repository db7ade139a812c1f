import Foundation
import Generators
import TestSupport
import Testing
import Training

/// What training will take, before it begins.
@Suite struct TrainingPlanTests {
  /// Fourteen documents to train on and six to validate on: four tokens of prompt and three of response each,
  /// and as many states as the conditioning reads.
  private func plan(
    _ conditioning: String, _ options: TrainingOptions = TinyTraining.options()
  ) throws -> TrainingPlan {
    func sizes(_ count: Int) -> [DocumentSize] {
      Array(
        repeating: DocumentSize(
          prompt: 4, response: 3, states: conditioning == PromptConditioning.name ? [4] : [7]),
        count: count)
    }
    return try TrainingPlan(
      "run", TinyTraining.design(conditioning), options, training: sizes(14), validation: sizes(6),
      sourceWidths: [TinyTraining.width], vocabularySize: 401, operationsPerSecond: 1e9)
  }

  @Test(arguments: [PromptConditioning.name, AlignedConditioning.name])
  func `a plan names the parameters, tokens and bytes`(conditioning: String) throws {
    let plan = try plan(conditioning)
    #expect(plan.tokens == 14 * 7 * 4)
    #expect(plan.weightBytes == 4 * plan.parameters)
    #expect(plan.optimizerBytes == 12 * plan.parameters)
    #expect(plan.floatingPointOperations == Double(6 * plan.parameters * plan.tokens))
    #expect(plan.seconds == plan.floatingPointOperations / 0.5e9)
    #expect(plan.memoryBytes == 16 * plan.parameters + plan.activationBytes)
    // The logits of a step's twelve predicted rows are there at once.
    #expect(plan.activationBytes > 12 * 401 * 4)
  }

  @Test func `parts of a step take less memory at once`() throws {
    var options = TinyTraining.options()
    options.batch = 12
    let whole = try plan(AlignedConditioning.name, options)
    options.accumulate = 12
    let parts = try plan(AlignedConditioning.name, options)
    #expect(parts.activationBytes < whole.activationBytes)
    #expect(parts.floatingPointOperations == whole.floatingPointOperations)
  }

  /// A batch that is the largest in nothing takes the most.
  @Test func `the largest batch is found among unlike ones`() throws {
    func bytes(_ sizes: [DocumentSize]) throws -> Int {
      var options = TinyTraining.options()
      options.batch = 1
      return try TrainingPlan(
        "run", TinyTraining.design(), options, training: sizes, validation: [],
        sourceWidths: [TinyTraining.width], vocabularySize: 401, operationsPerSecond: 1e9
      ).activationBytes
    }
    let long = DocumentSize(prompt: 29, response: 2, states: [1])
    let wide = DocumentSize(prompt: 1, response: 2, states: [60])
    let both = DocumentSize(prompt: 28, response: 2, states: [59])
    let alone = try [long, wide, both].map { try bytes([$0]) }
    #expect(alone[2] > alone[0] && alone[2] > alone[1])
    for order in [[long, wide, both], [both, wide, long], [wide, both, long]] {
      #expect(try bytes(order) == alone[2])
    }
  }

  @Test(arguments: [PromptConditioning.name, AlignedConditioning.name])
  func `from a cache the plan is the same`(conditioning: String) throws {
    let fixture = try TinyTraining()
    let plan = try fixture.trainer("run", TinyTraining.options(), TinyTraining.design(conditioning))
      .plan(operationsPerSecond: 1e9)
    var expected = try self.plan(conditioning)
    expected.run = plan.run
    #expect(plan == expected)
    #expect(!FileManager.default.fileExists(atPath: plan.run))
  }
}
