import GenerationModule
import Numerics
import Testing

/// Packing without padding: a document's result does not depend on what lies beside it, nor anything on
/// the threads.
@Suite struct BatchTests {
  private func loss(_ configuration: GeneratorConfiguration) -> LossScope {
    configuration.conditioning == .prompt ? .response : .all
  }

  @Test(arguments: Fixture.configurations)
  func documentsDoNotSeeEachOther(_ configuration: GeneratorConfiguration) throws {
    let model = try Fixture.model(configuration)
    let documents = Fixture.documents(configuration)
    let together = try model.evaluate(documents, loss: loss(configuration))
    let alone = try documents.map { try model.evaluate([$0], loss: loss(configuration)) }
    #expect(together.tokenCount == alone.reduce(0) { $0 + $1.tokenCount })
    // The same losses, added in another order.
    #expect(abs(together.lossSum - alone.reduce(0) { $0 + $1.lossSum }) < 1e-9)
    #expect(
      try documents.reduce(0) {
        try $0 + model.lossTokenCount(of: $1, loss: loss(configuration))
      } == together.tokenCount)
    #expect(together.meanGates.count == configuration.bridgeLayerCount)
    #expect(together.meanGates.allSatisfy { $0 > 0 && $0 < 1 })
  }

  @Test(arguments: Fixture.configurations)
  func accumulatedGradientsAreTheWholeBatchs(_ configuration: GeneratorConfiguration) throws {
    let documents = Fixture.documents(configuration)
    func gradients(_ batches: [[GenerationDocument]]) throws -> [Float] {
      let model = try Fixture.model(configuration)
      for batch in batches {
        _ = try model.forwardBackward(
          batch, loss: loss(configuration), lossScale: 0.1, dropout: nil)
      }
      return model.gradientBits.map { Float(bitPattern: $0) }
    }
    let whole = try gradients([documents])
    let parts = try gradients(documents.map { [$0] })
    #expect(zip(whole, parts).allSatisfy { abs($0 - $1) <= 1e-5 })
  }

  @Test(arguments: Fixture.configurations)
  func threadsChangeNoBit(_ configuration: GeneratorConfiguration) throws {
    let plan = DropoutPlan(rates: DropoutRates(residual: 0.1), seed: 1, step: 1)
    func run() throws -> [UInt32] {
      let model = try Fixture.model(configuration)
      _ = try model.forwardBackward(
        Fixture.documents(configuration), loss: loss(configuration), lossScale: 1, dropout: plan)
      return model.gradientBits
    }
    #expect(try run() == ThreadTeam.shared.limited(to: 1) { try run() })
  }

  @Test func lossScopesCountTheirTokens() throws {
    let model = try Fixture.model(Fixture.aligned(.causal))
    let document = Fixture.alignedDocument(prompt: 4, response: 9, seed: 1)
    #expect(try model.evaluate([document], loss: .response).tokenCount == 9)
    #expect(try model.evaluate([document], loss: .all).tokenCount == 12)
    let bare = Fixture.alignedDocument(prompt: 0, response: 5, seed: 1)
    #expect(try model.evaluate([bare], loss: .response).tokenCount == 4)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let prompt = try Fixture.model(Fixture.prompt)
    let aligned = try Fixture.model(Fixture.aligned(.causal))
    let good = Fixture.promptDocument(states: 2, prompt: 2, response: 2, seed: 1)
    func refused(
      _ model: any GenerationModel, _ change: (inout GenerationDocument) -> Void
    ) -> GenerationModuleError? {
      var document = good
      change(&document)
      let loss = loss(model.configuration)
      return #expect(throws: GenerationModuleError.self) {
        _ = try model.evaluate([good, document], loss: loss)
      }
    }
    for error in [
      refused(prompt) { $0.response[1] = 53 }, refused(prompt) { $0.prompt[0] = -1 },
      refused(prompt) { $0.states.removeLast() }, refused(prompt) { $0.states = [] },
      refused(prompt) { $0.response = [Int32](repeating: 1, count: 40) },
      refused(aligned) { $0.response = [1, 2] }, refused(aligned) { $0 = good },
    ] {
      let text = try #require(error).description
      #expect(!text.contains("\n") && text.contains("expected") && text.contains("found"))
    }
    #expect(throws: GenerationModuleError.self) { try prompt.evaluate([good], loss: .all) }
  }
}
