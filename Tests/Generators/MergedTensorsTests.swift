import Architectures
import Foundation
import Generators
import Identity
import Layers
import ModelFiles
import TestSupport
import Testing

/// Low-rank additions taken into the weights: the same model, as its family's own files have it.
@Suite struct MergedTensorsTests {
  /// Writes what is merged as a Hugging Face folder, opens that as a generator alone, and compares.
  @Test(arguments: Fixture.Family.allCases)
  func mergedAndUnmergedGiveTheSameLogits(_ family: Fixture.Family) throws {
    let configuration = try Fixture.prompt(family, arm: .none)
    let model = try Fixture.model(configuration, training: .lora(rank: 3))
    let merged = model.mergedTensors()
    let plain = try Generator(configuration, seed: 9)
    let expected = Set(
      plain.parameters.tensors.map {
        configuration.backbone.fileName($0.name, replacesEmbeddings: false)
      })
    #expect(Set(merged.tensors.map(\.name)) == expected)
    let document = Fixture.promptDocument(states: 0, prompt: 9, response: 20, seed: 2)
    try TemporaryFolder.with { folder in
      try SafetensorsWriter.write(path: folder.path("model.safetensors"), tensors: merged.tensors)
      try write(configuration.backbone, to: folder)
      let opened = try ModelFolder.open(folder.path)
      #expect(try opened.architecture().identityJSON == configuration.backbone.identityJSON)
      let reopened = try Generator(pretrained: opened, configuration, seed: 3)
      let (ours, theirs) = (try model.logits(document), try reopened.logits(document))
      let error = zip(ours, theirs).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      let largest = ours.reduce(Float(1)) { max($0, abs($1)) }
      // Both are float32, and add in another order.
      #expect(error <= 1e-5 * largest)
    }
    // The additions say something: without them the logits are others.
    let bare = try Generator(configuration, training: .all, seed: 1)
    for tensor in bare.parameters.tensors {
      let own = try #require(model.parameters[tensor.name])
      bare.parameters.base(of: tensor).update(
        from: model.parameters.base(of: own), count: tensor.range.count)
    }
    let difference = zip(try bare.logits(document), try model.logits(document))
      .reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(difference > 0.01)
  }

  /// Nothing of the bridge is among them, and what has no addition is as it was.
  @Test(arguments: Fixture.Family.allCases)
  func theBridgeIsLeftOut(_ family: Fixture.Family) throws {
    let configuration = try Fixture.prompt(family)
    let model = try Fixture.model(configuration, training: .lora(rank: 3))
    let merged = model.mergedTensors()
    #expect(!merged.tensors.contains { $0.name.hasPrefix("bridge.") || $0.name.contains("lora") })
    let adapted = Set(
      model.parameters.tensors.filter { $0.name.hasSuffix(".lora_A.weight") }.map {
        $0.name.replacing(".lora_A.weight", with: ".weight")
      })
    var (same, other) = (0, 0)
    for tensor in model.parameters.tensors
    where tensor.group == .generator && !tensor.name.contains("lora") {
      let name = configuration.backbone.fileName(tensor.name, replacesEmbeddings: false)
      let found = try #require(merged.tensors.first { $0.name == name })
      let isSame = found.values.bits == model.parameters.values(of: tensor).bits
      #expect(found.shape == tensor.shape && isSame != adapted.contains(tensor.name), "\(name)")
      if isSame { same += 1 } else { other += 1 }
    }
    #expect(same > 0 && other == adapted.count && other > 0)
  }

  private func write(_ backbone: any GeneratorArchitecture, to folder: TemporaryFolder) throws {
    struct Members: Encodable {
      let members: [(key: String, value: any Encodable & Sendable)]
      struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (key, value) in members {
          try container.encode(value, forKey: Key(stringValue: key))
        }
      }
    }
    let data = try JSONEncoder().encode(Members(members: backbone.huggingFaceMembers))
    try folder.write("config.json", Array(data))
  }
}
