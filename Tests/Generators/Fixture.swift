import Architectures
import Generators
import Identity
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

/// Small generators and documents whose every value comes from a seed.
enum Fixture {
  static let sourceWidth = 20
  static let vocabulary = 53

  /// The backbones: GPT-Neo; Llama with grouped queries and a head of its own; Qwen2, which ties its head
  /// and has biases on query, key and value.
  enum Family: String, CaseIterable, Sendable {
    case gptNeo
    case llama
    case qwen2

    func backbone() throws -> any GeneratorArchitecture {
      let design = BackboneDesign(
        architecture: rawValue, layers: 3, width: 24, heads: self == .qwen2 ? 6 : 4,
        keyValueHeads: self == .qwen2 ? 1 : 2, positions: 40, window: 5, vocabulary: vocabulary)
      switch self {
      case .gptNeo:
        var neo = design
        (neo.heads, neo.keyValueHeads) = (3, nil)
        return try GPTNeo(design: neo)
      case .llama:
        var decoder = try Llama(design: design).decoder
        decoder.tiedEmbeddings = false
        return Llama(decoder)
      case .qwen2: return try Qwen2(design: design)
      }
    }
  }

  static func prompt(
    _ family: Family = .gptNeo, arm: StatesArm = .own, _ part: GeneratorPrompt = .all,
    startToken: Int32? = 1, streams: [StreamShape] = [StreamShape(width: sourceWidth)],
    reader: StatesReader = .attention
  ) throws -> GeneratorConfiguration {
    try prompt(
      family.backbone(), arm: arm, part, startToken: startToken, streams: streams, reader: reader)
  }

  static func prompt(
    _ backbone: any GeneratorArchitecture, arm: StatesArm = .own, _ part: GeneratorPrompt = .all,
    startToken: Int32? = 1, streams: [StreamShape] = [StreamShape(width: sourceWidth)],
    reader: StatesReader = .attention
  ) throws -> GeneratorConfiguration {
    try GeneratorConfiguration(
      backbone: backbone,
      conditioning: PromptConditioning(
        design: design(
          PromptConditioning.name, backbone, arm: arm, part, startToken: startToken,
          reader: reader)),
      streams: streams)
  }

  static func aligned(
    _ mask: BridgeMask, _ family: Family = .gptNeo
  ) throws -> GeneratorConfiguration {
    let backbone = try family.backbone()
    return try GeneratorConfiguration(
      backbone: backbone,
      conditioning: AlignedConditioning(
        design: design(AlignedConditioning.name, backbone, mask: mask)),
      streams: [StreamShape(width: sourceWidth)])
  }

  private static func design(
    _ name: String, _ backbone: any GeneratorArchitecture, arm: StatesArm = .own,
    _ part: GeneratorPrompt = .all, startToken: Int32? = nil, mask: BridgeMask = .causal,
    reader: StatesReader = .attention
  ) -> ConditioningDesign {
    ConditioningDesign(
      name: name, arm: arm, layers: backbone.layerCount, width: backbone.width,
      sourceWidth: sourceWidth, adapter: 10, bridgeHeads: 4, bridgeLayers: 2, mask: mask,
      reader: reader,
      generatorPrompt: part, startToken: startToken)
  }

  /// Each backbone in each conditioning, and the published mask; states read at once, alone and beside attention.
  static func configurations() throws -> [GeneratorConfiguration] {
    try Family.allCases.flatMap { family in
      [try prompt(family), try aligned(.causal, family), try aligned(.published, family)]
    } + [
      try prompt(.llama, reader: .pooled),
      try prompt(streams: streams, reader: .both),
    ]
  }

  /// Two streams of different widths.
  static let streams = [StreamShape(width: 20), StreamShape(width: 12)]

  /// A generator whose tensors are all random, so that no term of any gradient is zero by its start.
  static func model(
    _ configuration: GeneratorConfiguration, training: TrainedParts = .all, seed: UInt64 = 1
  ) throws -> Generator {
    let model = try Generator(configuration, training: training, seed: seed)
    var generator = SeededGenerator(seed: seed &+ 100)
    for tensor in model.parameters.tensors {
      let base = model.parameters.base(of: tensor)
      for index in 0..<tensor.range.count { base[index] += 0.15 * generator.normal() }
    }
    return model
  }
}

extension GeneratorConfiguration: CustomTestStringConvertible {
  public var testDescription: String {
    let members = ["mask", "generator_prompt", "bridge_layers", "pooled_weightings"].compactMap {
      key in
      conditioning.checkpointMembers.first { $0.key == key }.map { "\($0.value)" }
    }
    return
      "\(backbone.family) \(conditioning.name) \(members.joined(separator: " ")) \(streams.map(\.width))"
  }

  var isPrompt: Bool { conditioning is PromptConditioning }

  /// The widest loss that the conditioning allows.
  var loss: LossScope { isPrompt ? .response : .all }
}

extension Generator {
  var valueBits: [UInt32] {
    parameters.tensors.flatMap { parameters.values(of: $0).bits }
  }

  var gradientBits: [UInt32] {
    parameters.tensors.flatMap { parameters.gradients(of: $0).bits }
  }
}
