import GenerationModule
import Numerics
import Testing

/// The whole backward pass against numerical derivatives, dropout included.
@Suite struct GradientTests {
  static let rates = DropoutRates(
    embedding: 0.2, residual: 0.2, selfAttention: 0.3, crossAttention: 0.3)

  /// Along each tensor's own gradient direction: what one number can say of a whole tensor. A wrong or
  /// missing term changes the slope by a share of itself; float32 losses of order 100 summed over
  /// tokens, over steps of 1/128, leave 3e-4, and the stencil's own error is below that.
  @Test(arguments: Fixture.configurations, [false, true])
  func everyTensorsSlope(_ configuration: GeneratorConfiguration, drops: Bool) throws {
    let model = try Fixture.model(configuration)
    let documents = Fixture.documents(configuration)
    let plan = drops ? DropoutPlan(rates: Self.rates, seed: 7, step: 3) : nil
    let loss: LossScope = configuration.conditioning == .prompt ? .response : .all
    let scratch = try Fixture.model(configuration)
    func lossSum() throws -> Double {
      try scratch.forwardBackward(documents, loss: loss, lossScale: 1, dropout: plan).lossSum
    }
    model.parameters.clearGradients()
    _ = try model.forwardBackward(documents, loss: loss, lossScale: 1, dropout: plan)
    for tensor in model.parameters.tensors {
      let gradient = Array(model.parameters.gradients(of: tensor))
      let size = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      // A key bias moves no score against another: its gradient is rounding alone.
      guard !tensor.name.hasSuffix("k_proj.bias") else {
        #expect(size < 1e-4, "\(tensor.name)")
        continue
      }
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
      let slope =
        (8 * (try at(h) - (try at(-h))) - (try at(2 * h) - (try at(-2 * h)))) / (12 * h)
      #expect(abs(slope - size) <= 2e-3 * size + 1e-3, "\(tensor.name): \(slope) and \(size)")
    }
  }
}
