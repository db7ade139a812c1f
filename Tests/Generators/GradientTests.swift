import Generators
import Layers
import TestSupport
import Testing

/// The whole backward pass against numerical derivatives, dropout included.
@Suite struct GradientTests {
  static let rates = DropoutRates(
    embedding: 0.2, residual: 0.2, selfAttention: 0.3, crossAttention: 0.3)

  /// A generator and what of it is trained.
  struct Case: CustomTestStringConvertible {
    let configuration: GeneratorConfiguration
    var training = TrainedParts.all
    var drops = true
    var testDescription: String {
      "\(configuration.testDescription) \(training)\(drops ? " with dropout" : "")"
    }
  }

  /// Every family in both conditionings, and the published mask; low-rank additions and two streams; without
  /// dropout where that is another path. That a part's gradients do not depend on what else is trained is
  /// `FrozenPartsTests`'.
  static func cases() throws -> [Case] {
    let lora = TrainedParts.lora(rank: 2)
    return try Fixture.Family.allCases.flatMap { family in
      let (prompt, aligned) = (try Fixture.prompt(family), try Fixture.aligned(.causal, family))
      return [
        Case(configuration: prompt), Case(configuration: aligned),
        Case(configuration: try Fixture.prompt(family, streams: Fixture.streams), training: lora),
        Case(configuration: aligned, training: lora),
      ]
    } + [
      Case(configuration: try Fixture.prompt(streams: Fixture.streams)),
      Case(configuration: try Fixture.aligned(.published)),
      Case(configuration: try Fixture.prompt(), drops: false),
      Case(configuration: try Fixture.prompt(.llama), drops: false),
      Case(configuration: try Fixture.aligned(.causal), drops: false),
      Case(configuration: try Fixture.prompt(streams: Fixture.streams, reader: .both)),
      Case(configuration: try Fixture.prompt(.qwen2, .last(2), reader: .pooled), training: lora),
      Case(configuration: try Fixture.prompt(.llama, .none, reader: .pooled), drops: false),
    ]
  }

  /// Along each trained tensor's own gradient direction: what one number can say of a whole tensor. A wrong
  /// or missing term changes the slope by a share of itself; float32 losses of order 100 summed over
  /// tokens, over steps of 1/128, leave 3e-4, and the stencil's own error is below that.
  @Test(arguments: try cases())
  func everyTensorsSlope(_ given: Case) throws {
    let configuration = given.configuration
    let model = try Fixture.model(configuration, training: given.training)
    let documents = Fixture.documents(configuration)
    let plan = given.drops ? DropoutPlan(rates: Self.rates, seed: 7, step: 3) : nil
    let scratch = try Fixture.model(configuration, training: given.training)
    func lossSum() throws -> Double {
      try scratch.forwardBackward(
        documents, loss: configuration.loss, lossScale: 1, dropout: plan
      ).lossSum
    }
    model.parameters.clearGradients()
    _ = try model.forwardBackward(
      documents, loss: configuration.loss, lossScale: 1, dropout: plan)
    let trained = model.parameters.tensors.filter(\.isTrained)
    #expect(!trained.isEmpty)
    for tensor in trained {
      let gradient = Array(model.parameters.gradients(of: tensor))
      let size = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      // The bridge's key bias moves no score against another: its gradient is rounding alone. Among the
      // keys of several streams, and where positions turn keys, it does.
      if tensor.name.hasSuffix("cross_attn.k_proj.bias"), configuration.streams.count == 1 {
        #expect(size < 1e-4, "\(tensor.name)")
        continue
      }
      #expect(size > 1e-3, "\(tensor.name): nothing reaches it")
      func at(_ step: Double) throws -> Double {
        for (place, index) in tensor.range.enumerated() {
          scratch.parameters.values[index] =
            model.parameters.values[index] + Float(step / size) * gradient[place]
        }
        defer {
          for index in tensor.range {
            scratch.parameters.values[index] = model.parameters.values[index]
          }
        }
        return try lossSum()
      }
      let h = 0x1p-7
      let slope = (try at(h) - (try at(-h))) / (2 * h)
      #expect(abs(slope - size) <= 2e-3 * size + 1e-3, "\(tensor.name): \(slope) and \(size)")
    }
  }
}
