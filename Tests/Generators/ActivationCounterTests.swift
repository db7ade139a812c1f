import Generators
import Identity
import Layers
import TestSupport
import Testing

/// What a plan names is what a pass takes.
@Suite struct ActivationCounterTests {
  static func configurations() throws -> [GeneratorConfiguration] {
    try Fixture.configurations() + [
      try Fixture.prompt(arm: .none), try Fixture.prompt(.gptNeo, .last(2)),
      try Fixture.prompt(streams: Fixture.streams),
    ]
  }

  @Test(arguments: try configurations(), [TrainedParts.all, .bridge, .lora(rank: 3)])
  func `a training pass takes what was counted, to the byte`(
    _ configuration: GeneratorConfiguration, _ training: TrainedParts
  ) throws {
    let documents = Fixture.documents(configuration)
    for rates in [DropoutRates(), DropoutRates(residual: 0.1)] {
      let model = try Fixture.model(configuration, training: training)
      let counter = ActivationCounter(
        configuration, training: training, loss: configuration.loss, dropout: rates.residual > 0)
      let counted = try counter.bytes(of: documents, configuration.streams, training: true)
      model.reserve(activationBytes: counted)
      for _ in 0..<2 {
        _ = try model.forwardBackward(
          documents, loss: configuration.loss, lossScale: 1,
          dropout: DropoutPlan(rates: rates, seed: 1, step: 1))
      }
      #expect(model.activationBytes == counted)
    }
  }

  @Test(arguments: try configurations())
  func `an evaluation takes no more than was counted`(_ configuration: GeneratorConfiguration)
    throws
  {
    let documents = Fixture.documents(configuration)
    let model = try Fixture.model(configuration)
    _ = try model.evaluate(documents, loss: configuration.loss)
    let counter = ActivationCounter(
      configuration, training: .all, loss: configuration.loss, dropout: false)
    let counted = try counter.bytes(of: documents, configuration.streams, training: false)
    #expect(model.activationBytes > counted / 2)
    #expect(model.activationBytes <= counted)
  }
}

extension ActivationCounter {
  fileprivate func bytes(
    of documents: [GeneratorDocument], _ streams: [StreamShape], training: Bool
  ) throws -> Int {
    let sizes = try documents.map { document in
      try size(
        prompt: document.prompt.count, response: document.response.count,
        states: zip(document.states, streams).map { $0.count / $1.width })
    }
    return bytes(sizes.dropFirst().reduce(sizes[0], +), training: training)
  }
}
