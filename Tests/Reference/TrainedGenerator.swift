import Architectures
import Generators
import Identity
import Layers
import ModelFiles
import Numerics
import Testing

/// The generator under test, built from a folder's configuration and weights.
final class TrainedGenerator: ReferenceGenerator {
  private let model: Generator
  private let reference: LlamaGeneratorReference
  private let training: TrainedParts
  private var optimizer: AdamW?

  init(
    _ reference: LlamaGeneratorReference, _ training: LlamaGeneratorReference.Training
  ) throws {
    self.reference = reference
    self.training =
      switch training {
      case .all: .all
      case .bridge: .bridge
      case .bridgeAndLoRA: .lora(rank: try reference.size("rank"))
      }
    model = try Self.model(reference, self.training, arm: .own)
  }

  private static func model(
    _ reference: LlamaGeneratorReference, _ training: TrainedParts, arm: StatesArm
  ) throws -> Generator {
    let architecture = try ArchitectureRegistry.builtIn.configuration(
      ConfigurationReader(path: reference.configurationPath))
    let backbone = try #require(architecture as? any GeneratorArchitecture)
    let name = reference.isAligned ? AlignedConditioning.name : PromptConditioning.name
    let sourceWidth = try reference.size("source_dim")
    let design = ConditioningDesign(
      name: name, arm: arm, layers: backbone.layerCount, width: backbone.width,
      sourceWidth: sourceWidth, adapter: try reference.size("adapter_dim"),
      bridgeHeads: try reference.size("bridge_heads"),
      bridgeLayers: reference.isAligned ? try reference.size("bridge_layers") : 0,
      mask: reference.isAligned ? try reference.mask() : .causal)
    let model = try Generator(
      GeneratorConfiguration(
        backbone: backbone,
        conditioning: try #require(ConditioningRegistry.builtIn[name]).init(design: design),
        streams: [StreamShape(width: sourceWidth)]), training: training, seed: 1)
    try model.parameters.read(from: reference.weights) { tensor in
      LinearLayer.isAddition(tensor.name) ? nil : tensor.name
    }
    if let lora = reference.lora {
      try model.parameters.read(from: lora) { tensor in
        LinearLayer.isAddition(tensor.name) ? tensor.name : nil
      }
    }
    return model
  }

  var trainedShapes: [String: [Int]] {
    Dictionary(
      uniqueKeysWithValues: model.parameters.tensors.filter(\.isTrained).map {
        ($0.name, $0.shape)
      })
  }

  var frozenNames: [String] { model.parameters.tensors.filter { !$0.isTrained }.map(\.name) }

  func frozenValue(of name: String) throws -> [Float] { try value(of: name) }

  func logits(_ document: ReferenceDocument) throws -> [Float] {
    try model.logits(Self.document(document))
  }

  /// Those of the decoder alone.
  func plainLogits(_ document: ReferenceDocument) throws -> [Float] {
    try Self.model(reference, training, arm: .none).logits(Self.document(document))
  }

  func backward(_ documents: [ReferenceDocument]) throws -> Double {
    let batch = documents.map(Self.document)
    let loss: LossScope = reference.isAligned ? .all : .response
    let tokens = try batch.reduce(0) { try $0 + model.lossTokenCount(of: $1, loss: loss) }
    model.parameters.clearGradients()
    let result = try model.forwardBackward(batch, loss: loss, lossScale: 1 / Float(tokens))
    #expect(result.tokenCount == tokens)
    return result.lossSum / Double(tokens)
  }

  func gradient(of name: String) throws -> [Float] {
    Array(model.parameters.gradients(of: try #require(model.parameters[name])))
  }

  func value(of name: String) throws -> [Float] {
    Array(model.parameters.values(of: try #require(model.parameters[name])))
  }

  func step(_ statement: OptimizerStatement) throws -> Double {
    let parameters = model.parameters
    let optimizer =
      optimizer ?? AdamW(count: parameters.count, settings: statement.settings)
    self.optimizer = optimizer
    let norm = GradientClipping.norm(parameters.gradients, count: parameters.count)
    optimizer.step(
      parameters.values, parameters.gradients,
      groups: ParameterGroup.allCases.map {
        AdamW.Group(
          range: parameters.range(of: $0),
          learningRate: $0 == .bridge ? statement.bridgeRate : statement.generatorRate)
      }, gradientScale: GradientClipping.scale(norm: norm, limit: statement.clip))
    return norm
  }

  private static func document(_ document: ReferenceDocument) -> GeneratorDocument {
    GeneratorDocument(
      states: [document.states], prompt: document.prompt, response: document.response)
  }
}

extension LlamaGeneratorReference {
  /// The mask of an aligned bridge, as the weights' metadata says it.
  func mask() throws -> BridgeMask {
    try #require(weights.metadata["mask"].flatMap { BridgeMask(rawValue: $0) })
  }
}
