import Architectures
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

/// A family more is a type and a line in a registry.
@Suite struct RegistryTests {
  /// A family that is none of the built-in ones.
  private struct Toy: Architecture {
    static let family = "toy"
    static let modelType = "toy-model"
    let width: Int

    init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
      width = try reader.requiredInteger("width")
    }

    var identityJSON: String { "{\"architecture\":\"toy\",\"width\":\(width)}" }
    var layerCount: Int { 1 }
    var vocabularySize: Int { 8 }
    var maximumPositions: Int { 16 }
    var beginTokenID: Int32? { nil }
    var endTokenIDs: [Int32] { [] }
    var embedding: EmbeddingDescription { EmbeddingDescription(tokens: "table") }
    var finalNorm: NormDescription? { nil }
    var outputHead: OutputHeadDescription? { nil }

    func block(_ layer: Int) -> BlockDescription {
      BlockDescription(
        width: width, norm: .layer(epsilon: 1e-5),
        attention: AttentionDescription(
          heads: AttentionHeads(count: 1, size: width), query: ProjectionDescription("q"),
          key: ProjectionDescription("k"), value: ProjectionDescription("v"),
          output: ProjectionDescription("o")),
        feedForward: .plain(
          .exact, inner: 4, expand: ProjectionDescription("up"),
          contract: ProjectionDescription("down")), attentionNorm: "n1", feedForwardNorm: "n2")
    }
  }

  private func read(
    _ registry: ArchitectureRegistry, _ text: String
  ) throws -> any Architecture {
    try TemporaryFolder.with { folder in
      try folder.write("config.json", text)
      try TinyModel(.llama).writeWeights(folder.path("model.safetensors"))
      return try registry.configuration(of: ModelFolder.open(folder.path))
    }
  }

  @Test func aFamilyThatIsAddedIsRead() throws {
    let text = #"{"model_type": "toy-model", "width": 6}"#
    let registry = ArchitectureRegistry.builtIn.adding(Toy.self)
    let toy = try read(registry, text)
    #expect(toy is Toy && toy.width == 6 && toy.family == "toy" && toy.visibility == .causal)
    #expect(toy.layer(-1) == 1 && toy.layer(-2) == 0 && toy.layer(2) == nil)
    #expect(registry["toy"] is Toy.Type)
    #expect(registry.families.count == ArchitectureRegistry.builtIn.families.count + 1)
    expectError("model_type", "toy-model", "llama, qwen2, qwen3", "gpt2 or bert") {
      try read(.builtIn, text)
    }
    expectError("width", "missing") { try read(registry, #"{"model_type": "toy-model"}"#) }
    // No GGUF file is read as one.
    expectError("general.architecture", "toy") {
      try TemporaryFolder.with { folder in
        let file = try folder.write("m.gguf", GGUFBuilder.model("toy").bytes)
        return try registry.configuration(of: ModelFolder.open(file))
      }
    }
  }

  @Test func configurationsOfDifferentFamiliesAreUnequal() throws {
    let design = BackboneDesign(
      architecture: "llama", layers: 1, width: 8, heads: 2, positions: 4, window: 2, vocabulary: 9)
    let (llama, qwen2) = (try Llama(design: design), try Qwen2(design: design))
    #expect(llama.isEqual(to: llama) && !llama.isEqual(to: qwen2))
  }

  @Test func operationsAreCounted() throws {
    let toy = try read(
      ArchitectureRegistry([Toy.self]), #"{"model_type": "toy-model", "width": 6}"#)
    // 10 tokens through 4 projections of 6 x 6 and 2 of 6 x 4, and 55 pairs, 2 a multiply-add.
    #expect(
      toy.operations(tokens: 10, attended: 55, layers: 1)
        == Double(2 * 10 * (4 * 36 + 2 * 24) + 4 * 6 * 55))
    #expect(toy.operations(tokens: 10, attended: 55, layers: 0) == 0)
  }
}
