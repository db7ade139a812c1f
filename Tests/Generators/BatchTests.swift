import Generators
import Identity
import Layers
import Numerics
import TestSupport
import Testing

/// Packing without padding: a document's result does not depend on what lies beside it, nor anything on
/// the threads.
@Suite struct BatchTests {
  @Test(arguments: try Fixture.configurations())
  func documentsDoNotSeeEachOther(_ configuration: GeneratorConfiguration) throws {
    let model = try Fixture.model(configuration)
    let documents = Fixture.documents(configuration)
    let together = try model.evaluate(documents, loss: configuration.loss)
    let alone = try documents.map { try model.evaluate([$0], loss: configuration.loss) }
    #expect(together.tokenCount == alone.reduce(0) { $0 + $1.tokenCount })
    // The same losses, added in another order.
    #expect(abs(together.lossSum - alone.reduce(0) { $0 + $1.lossSum }) < 1e-9)
    #expect(
      try documents.reduce(0) {
        try $0 + model.lossTokenCount(of: $1, loss: configuration.loss)
      } == together.tokenCount)
    #expect(together.meanGates.count == configuration.gateCount)
    #expect(together.meanGates.allSatisfy { $0 > 0 && $0 < 1 })
  }

  @Test(arguments: try Fixture.configurations())
  func accumulatedGradientsAreTheWholeBatchs(_ configuration: GeneratorConfiguration) throws {
    let documents = Fixture.documents(configuration)
    func gradients(_ batches: [[GeneratorDocument]]) throws -> [Float] {
      let model = try Fixture.model(configuration)
      for batch in batches {
        _ = try model.forwardBackward(
          batch, loss: configuration.loss, lossScale: 0.1, dropout: nil)
      }
      return model.gradientBits.map { Float(bitPattern: $0) }
    }
    let whole = try gradients([documents])
    let parts = try gradients(documents.map { [$0] })
    #expect(zip(whole, parts).allSatisfy { abs($0 - $1) <= 1e-5 })
  }

  @Test(arguments: try Fixture.configurations())
  func threadsChangeNoBit(_ configuration: GeneratorConfiguration) throws {
    let plan = DropoutPlan(rates: DropoutRates(residual: 0.1), seed: 1, step: 1)
    func run() throws -> [UInt32] {
      let model = try Fixture.model(configuration)
      _ = try model.forwardBackward(
        Fixture.documents(configuration), loss: configuration.loss, lossScale: 1, dropout: plan)
      return model.gradientBits
    }
    #expect(try run() == ThreadTeam.shared.limited(to: 1) { try run() })
  }

  @Test func lossScopesCountTheirTokens() throws {
    let model = try Fixture.model(try Fixture.aligned(.causal))
    let document = Fixture.alignedDocument(prompt: 4, response: 9, seed: 1)
    #expect(try model.evaluate([document], loss: .response).tokenCount == 9)
    #expect(try model.evaluate([document], loss: .all).tokenCount == 12)
    let bare = Fixture.alignedDocument(prompt: 0, response: 5, seed: 1)
    #expect(try model.evaluate([bare], loss: .response).tokenCount == 4)
  }

  /// A generator alone looks at no states, whether there are any or not.
  @Test(arguments: Fixture.Family.allCases)
  func aGeneratorAloneReadsNoStates(_ family: Fixture.Family) throws {
    let model = try Fixture.model(Fixture.prompt(family, arm: .none))
    var document = Fixture.promptDocument(states: 3, prompt: 4, response: 9, seed: 1)
    let logits = try model.logits(document).bits
    for states in [[], [[]], [[.nan]], [[Float](repeating: .nan, count: 20), []]] as [[[Float]]] {
      document.states = states
      #expect(try model.logits(document).bits == logits)
      #expect(try model.evaluate([document]).tokenCount == 9)
    }
  }

  @Test func aBatchOfNothingHasNoLoss() throws {
    for configuration in try Fixture.configurations() {
      let model = try Fixture.model(configuration)
      #expect(try model.evaluate([]).tokenCount == 0)
      #expect(try model.forwardBackward([], lossScale: 1).lossSum == 0)
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let prompt = try Fixture.model(try Fixture.prompt())
    let aligned = try Fixture.model(try Fixture.aligned(.causal))
    let good = Fixture.promptDocument(states: 2, prompt: 2, response: 2, seed: 1)
    func refused(
      _ model: Generator, _ change: (inout GeneratorDocument) -> Void
    ) -> GeneratorError? {
      var document = good
      change(&document)
      let loss = model.configuration.loss
      return #expect(throws: GeneratorError.self) {
        _ = try model.evaluate([good, document], loss: loss)
      }
    }
    for error in [
      refused(prompt) { $0.response[1] = 53 }, refused(prompt) { $0.prompt[0] = -1 },
      refused(prompt) { $0.states[0].removeLast() }, refused(prompt) { $0.states = [[]] },
      refused(prompt) { $0.states = [] }, refused(prompt) { $0.states.append([]) },
      refused(prompt) { $0.response = [Int32](repeating: 1, count: 40) },
      refused(aligned) { $0.response = [1, 2] }, refused(aligned) { $0 = good },
    ] {
      let text = try #require(error).description
      #expect(!text.contains("\n") && text.contains("expected") && text.contains("found"))
    }
    #expect(throws: GeneratorError.self) { try prompt.evaluate([good], loss: .all) }
  }
}
