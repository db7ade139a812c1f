import Architectures
import Generators
import Layers
import Numerics
import TestSupport
import Testing

/// What is not trained has no gradient, no moments, and never changes.
@Suite struct FrozenPartsTests {
  static func configurations() throws -> [GeneratorConfiguration] {
    try Fixture.Family.allCases.flatMap {
      [try Fixture.prompt($0), try Fixture.aligned(.causal, $0)]
    }
  }

  private func values(_ model: Generator, trained: Bool) -> [String: [UInt32]] {
    let tensors = model.parameters.tensors.filter { $0.isTrained == trained }
    return Dictionary(
      uniqueKeysWithValues: tensors.map { ($0.name, model.parameters.values(of: $0).bits) })
  }

  @Test(arguments: try configurations(), [TrainedParts.bridge, .lora(rank: 3)])
  func tenStepsChangeWhatIsTrainedAlone(
    _ configuration: GeneratorConfiguration, _ training: TrainedParts
  ) throws {
    let model = try Fixture.model(configuration, training: training)
    let parameters = model.parameters
    let (frozen, trained) = (values(model, trained: false), values(model, trained: true))
    #expect(!frozen.isEmpty && !trained.isEmpty)
    let optimizer = AdamW(count: parameters.count)
    for _ in 0..<10 {
      parameters.clearGradients()
      _ = try model.forwardBackward(
        Fixture.documents(configuration), loss: configuration.loss, lossScale: 0.1)
      let norm = GradientClipping.norm(parameters.gradients, count: parameters.count)
      optimizer.step(
        parameters.values, parameters.gradients,
        groups: ParameterGroup.allCases.map {
          AdamW.Group(range: parameters.range(of: $0), learningRate: 1e-3)
        }, gradientScale: GradientClipping.scale(norm: norm, limit: 1))
    }
    #expect(values(model, trained: false) == frozen)
    let after = values(model, trained: true)
    #expect(trained.allSatisfy { after[$0.key] != $0.value })
  }

  @Test(arguments: try configurations())
  func partsAreWhatTheirNamesSay(_ configuration: GeneratorConfiguration) throws {
    let all = configuration.tensors()
    let bridge = all.filter { $0.group == .bridge }.map(\.name)
    let backbone = all.filter { $0.group == .generator }.map(\.name)
    func trained(_ training: TrainedParts) -> [String] {
      configuration.tensors(training: training).filter(\.isTrained).map(\.name)
    }
    #expect(trained(.all) == all.map(\.name))
    #expect(trained(.bridge) == bridge)
    let lora = configuration.tensors(training: .lora(rank: 2))
    let additions = lora.filter { $0.name.contains(".lora_") }
    #expect(trained(.lora(rank: 2)) == bridge + additions.map(\.name))
    #expect(lora.filter { !$0.isTrained }.map(\.name) == backbone)
    // Every projection of every block, and nothing else: attention's four and feed-forward's two or three.
    let projections = configuration.backbone.family == "gpt_neo" ? 6 : 7
    #expect(additions.count == 3 * projections * 2)
    #expect(additions.allSatisfy { $0.shape.contains(2) && $0.group == .generator })
  }

  /// The gradients' memory is the trained tensors', each on a cache line, and no more.
  @Test(arguments: [TrainedParts.bridge, .lora(rank: 3), .all])
  func gradientsAreOfTrainedTensorsAlone(_ training: TrainedParts) throws {
    let model = try Fixture.model(try Fixture.prompt(.llama), training: training)
    let trained = model.parameters.tensors.filter(\.isTrained)
    let padded = trained.reduce(0) { $0 + ($1.range.count + 15) / 16 * 16 }
    #expect(model.parameters.count == padded)
    #expect(model.parameters.trainedParameterCount == trained.reduce(0) { $0 + $1.range.count })
    for tensor in model.parameters.tensors {
      let gradients = model.parameters.gradients(of: tensor)
      #expect(gradients.count == (tensor.isTrained ? tensor.range.count : 0))
    }
  }

  /// The gradients of what is trained are those that it has where all is trained, to the last bit.
  @Test(arguments: try configurations())
  func theBridgesGradientsDoNotDependOnWhatElseIsTrained(
    _ configuration: GeneratorConfiguration
  ) throws {
    func gradients(_ training: TrainedParts) throws -> [String: [UInt32]] {
      let model = try Fixture.model(configuration, training: training)
      _ = try model.forwardBackward(
        Fixture.documents(configuration), loss: configuration.loss, lossScale: 1)
      return Dictionary(
        uniqueKeysWithValues: model.parameters.tensors.filter { $0.group == .bridge }.map {
          ($0.name, model.parameters.gradients(of: $0).bits)
        })
    }
    #expect(try gradients(.bridge) == gradients(.all))
  }

  @Test func trainedPartsAreWrittenInWords() {
    for (text, parts) in [
      ("all", TrainedParts.all), ("bridge", .bridge), ("lora:8", .lora(rank: 8)),
    ] {
      #expect(TrainedParts(text) == parts && parts.description == text)
    }
    for text in ["", "lora", "lora:", "lora:0", "lora:-1", "lora:4097", "lora:x", "Bridge"] {
      #expect(TrainedParts(text) == nil)
    }
  }
}
