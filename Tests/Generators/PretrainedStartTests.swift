import Architectures
import Generators
import Identity
import Layers
import ModelFiles
import TestSupport
import Testing

/// A generator that starts from a model's folder.
@Suite struct PretrainedStartTests {
  /// Its weights are the model's own, and what it reads changes nothing until training opens the branch.
  @Test(
    arguments: [TinyFamily.gptNeo, .llama, .qwen2], [TrainedParts.all, .bridge, .lora(rank: 2)])
  func beginsAsTheModelThatItStartsFrom(_ family: TinyFamily, _ training: TrainedParts) throws {
    try TemporaryFolder.with { folder in
      let shape = family.name == "gpt_neo" ? TinyShape.plain : .small
      let tiny = TinyModel(
        family, shape, spread: TinyModel.Spread(weights: 0.1, embedding: 1, norms: 0.1))
      try tiny.write(to: folder.path)
      let model = try ModelFolder.open(folder.path)
      let backbone = try #require(try model.architecture() as? any GeneratorArchitecture)
      let configuration = try Fixture.prompt(backbone, reader: .both)
      let generator = try Generator(
        pretrained: model, configuration, training: training, seed: 5)
      for tensor in generator.parameters.tensors
      where tensor.group == .generator && !tensor.name.contains(".lora_") {
        let name = backbone.fileName(tensor.name, replacesEmbeddings: false)
        let own = try #require(tiny.tensors[name])
        #expect(own.shape == tensor.shape)
        #expect(generator.parameters.values(of: tensor).bits == own.values.bits, "\(name)")
      }
      let document = Fixture.promptDocument(states: 4, prompt: 3, response: 12, seed: 1)
      var other = document
      other.states[0].reverse()
      let logits = try generator.logits(document)
      #expect(!logits.contains { !$0.isFinite })
      #expect(try generator.logits(other).bits == logits.bits)
      let alone = try Generator(
        pretrained: model, Fixture.prompt(backbone, arm: .none), seed: 5)
      #expect(try alone.logits(document).bits == logits.bits)
    }
  }
}

extension TinyFamily: CustomTestStringConvertible {
  public var testDescription: String { name }
}
