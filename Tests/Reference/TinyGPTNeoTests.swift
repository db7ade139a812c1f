import Foundation
import GenerationModule
import ModelFiles
import Testing

/// A generator around a Hugging Face GPT-Neo: before training it is that model, whatever it reads.
@Suite struct TinyGPTNeoTests {
  static let name = "tiny-gpt-neo"

  @Test(
    .enabled(if: ReferenceFolder.has(name), "the folder of vectors has no tiny-gpt-neo"),
    arguments: [true, false])
  func firstLogitsAreThePlainModels(readsSource: Bool) throws {
    let folder = try ModelFolder.open(ReferenceFolder.path(Self.name))
    let expected = try TensorCatalogue.open(
      ReferenceFolder.path("\(Self.name)/expected.safetensors"))
    let plain = try folder.configuration
    let configuration = try GeneratorConfiguration.prompt(
      around: plain, sourceWidth: 20, bridgeHeadCount: plain.headCount, readsSource: readsSource)
    let model = try PromptGenerator(pretrained: folder, configuration, seed: 5)
    let ids = try expected.integers("input_ids").map { Int32($0) }
    let shape = try #require(expected["input_ids"]).shape
    let reference = try expected.floats("logits")
    try #require(shape[0] > 0)
    let size = reference.count / shape[0]
    for index in 0..<shape[0] {
      let tokens = Array(ids[index * shape[1]..<(index + 1) * shape[1]])
      let states = (0..<6 * 20).map { sin(Float($0 * (index + 1))) }
      let document = GenerationDocument(
        states: states, prompt: Array(tokens.prefix(3)), response: Array(tokens.dropFirst(3)))
      let logits = try model.logits(document)
      #expect(
        worstAbsoluteError(logits, Array(reference[index * size..<(index + 1) * size])) <= 1e-4)
      // Shut means exactly shut: other states, same bits.
      var other = document
      other.states = states.reversed()
      #expect(try model.logits(other) == logits)
    }
  }

  /// The branch is shut, not dead: one step opens it.
  @Test(.enabled(if: ReferenceFolder.has(name), "the folder of vectors has no tiny-gpt-neo"))
  func theBranchOpens() throws {
    let folder = try ModelFolder.open(ReferenceFolder.path(Self.name))
    let plain = try folder.configuration
    let configuration = try GeneratorConfiguration.prompt(
      around: plain, sourceWidth: 20, bridgeHeadCount: plain.headCount)
    let model = try PromptGenerator(pretrained: folder, configuration, seed: 5)
    let document = GenerationDocument(
      states: (0..<60).map { sin(Float($0)) }, prompt: [1, 2, 3], response: [4, 5])
    model.parameters.clearGradients()
    _ = try model.forwardBackward([document], loss: .response, lossScale: 1, dropout: nil)
    for name in ["cross_attn.out_proj.weight", "adapter.norm.weight"] {
      let tensor = try #require(model.parameters["bridge.0.\(name)"])
      #expect(model.parameters.gradients(of: tensor).contains { $0 != 0 })
    }
  }
}
