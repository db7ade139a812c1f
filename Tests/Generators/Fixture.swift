import GenerationModule
import Numerics
import TestSupport

/// Small modules and documents whose every value comes from a seed.
enum Fixture {
  static let sourceWidth = 20

  static let prompt = GeneratorConfiguration.prompt(
    sourceWidth: sourceWidth, width: 24, layerCount: 3, headCount: 3, vocabularySize: 53,
    positions: 40, windowSize: 5, adapterWidth: 10, bridgeHeadCount: 4, startToken: 1)

  static func aligned(_ mask: GeneratorConfiguration.BridgeMask) -> GeneratorConfiguration {
    .aligned(
      sourceWidth: sourceWidth, width: 24, layerCount: 3, headCount: 3, vocabularySize: 53,
      positions: 40, windowSize: 5, adapterWidth: 10, bridgeHeadCount: 4, mask: mask)
  }

  /// A module whose tensors are all random, so that no term of any gradient is zero by its start.
  static func model(
    _ configuration: GeneratorConfiguration, seed: UInt64 = 1
  ) throws -> any GenerationModel {
    let model = try configuration.makeModel(seed: seed)
    var generator = SeededGenerator(seed: seed &+ 100)
    for tensor in model.parameters.tensors {
      for index in tensor.range { model.parameters.values[index] += 0.15 * generator.normal() }
    }
    return model
  }

  static func promptDocument(states: Int, prompt: Int, response: Int, seed: UInt64)
    -> GenerationDocument
  {
    var generator = SeededGenerator(seed: seed)
    return GenerationDocument(
      states: (0..<states * sourceWidth).map { _ in generator.normal() },
      prompt: generator.tokens(prompt), response: generator.tokens(response))
  }

  static func alignedDocument(prompt: Int, response: Int, seed: UInt64) -> GenerationDocument {
    promptDocument(states: prompt + response, prompt: prompt, response: response, seed: seed)
  }

  /// Documents of unlike lengths, longer than the window, for either conditioning.
  static func documents(_ configuration: GeneratorConfiguration) -> [GenerationDocument] {
    switch configuration.conditioning {
    case .prompt:
      [
        promptDocument(states: 7, prompt: 4, response: 9, seed: 1),
        promptDocument(states: 1, prompt: 1, response: 1, seed: 2),
        promptDocument(states: 3, prompt: 6, response: 5, seed: 3),
      ]
    case .aligned:
      [
        alignedDocument(prompt: 4, response: 9, seed: 1),
        alignedDocument(prompt: 1, response: 1, seed: 2),
        alignedDocument(prompt: 6, response: 5, seed: 3),
      ]
    }
  }

  static let configurations = [prompt, aligned(.causal), aligned(.published)]
}

extension GenerationModel {
  var valueBits: [UInt32] {
    parameters.tensors.flatMap { parameters.values(of: $0).bits }
  }

  var gradientBits: [UInt32] {
    parameters.tensors.flatMap { parameters.gradients(of: $0).bits }
  }
}
