import GenerationModule
import ModelFiles
import TestSupport
import Testing

/// A generator that starts from a GPT-Neo model's folder.
@Suite struct PretrainedStartTests {
  /// Its weights are the model's own, and what it reads changes nothing until training opens the branch.
  @Test func `it begins as the model that it starts from`() throws {
    try TemporaryFolder.with { folder in
      let tiny = TinyModel(
        .gptNeo, .plain, spread: TinyModel.Spread(weights: 0.1, embedding: 1, norms: 0.1))
      try tiny.write(to: folder.path)
      let model = try ModelFolder.open(folder.path)
      let configuration = try GeneratorConfiguration.prompt(
        around: model.configuration, sourceWidth: Fixture.sourceWidth, bridgeHeadCount: 4)
      let generator = try PromptGenerator(pretrained: model, configuration, seed: 5)
      let embedding = try #require(tiny.tensors["transformer.wte.weight"])
      let isTaken = generator.parameters.tensors.contains { tensor in
        tensor.shape == embedding.shape
          && generator.parameters.values(of: tensor).bits == embedding.values.bits
      }
      #expect(isTaken)
      let document = Fixture.promptDocument(states: 4, prompt: 3, response: 12, seed: 1)
      var other = document
      other.states.reverse()
      let logits = try generator.logits(document)
      #expect(!logits.contains { !$0.isFinite })
      #expect(try generator.logits(other).bits == logits.bits)
    }
  }
}
