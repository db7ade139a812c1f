import Crypto
import Foundation
import ModelFiles
import TestSupport
import Testing

@Suite("Reference models")
struct ReferenceFolderTests {
  @Test(
    "configuration and tensor shapes agree",
    .enabled(if: Checkout.exists(Checkout.reference + "/tiny-llama")),
    arguments: ["tiny-llama", "tiny-qwen2", "tiny-gpt-neo"])
  func shapes(name: String) throws {
    let model = try ModelFolder.open(Checkout.reference + "/" + name)
    let configuration = try model.configuration
    let catalogue = try model.catalogue()
    let (width, vocabulary) = (configuration.hiddenSize, configuration.vocabularySize)
    let embedding = try catalogue.floats(
      configuration.embeddingName, shape: [vocabulary, width])
    #expect(embedding.allSatisfy { $0.isFinite })
    let head = try catalogue.outputHead(for: configuration)
    #expect(try catalogue.floats(head, shape: [vocabulary, width]).count == embedding.count)
    for layer in 0..<configuration.layerCount where configuration.architecture != .gptNeo {
      let prefix = "model.layers.\(layer)."
      let shared = configuration.keyValueHeadCount * configuration.headSize
      _ = try catalogue.floats(prefix + "self_attn.k_proj.weight", shape: [shared, width])
      if configuration.attentionBias {
        _ = try catalogue.floats(prefix + "self_attn.k_proj.bias", shape: [shared])
      }
      _ = try catalogue.floats(
        prefix + "mlp.down_proj.weight", shape: [width, configuration.intermediateSize])
    }
  }

  @Test(
    "the embedding of the input ids is layer 0",
    .enabled(if: Checkout.exists(Checkout.reference + "/tiny-llama")),
    arguments: ["tiny-llama", "tiny-qwen2"])
  func embedding(name: String) throws {
    let model = try ModelFolder.open(Checkout.reference + "/" + name)
    let width = try model.configuration.hiddenSize
    let table = try model.catalogue().floats("model.embed_tokens.weight")
    let expected = try TensorCatalogue.open(
      Checkout.reference + "/\(name)/expected.safetensors")
    let ids = try expected.integers("input_ids")
    let states = try expected.floats("hidden_states.0")
    #expect(states.count == ids.count * width)
    for (position, id) in ids.enumerated() {
      let row = table[Int(id) * width..<(Int(id) + 1) * width]
      #expect(states[position * width..<(position + 1) * width].elementsEqual(row))
    }
  }

  /// The digest is over names and float32 values, sorted by name, of what the Python package
  /// `gguf` 0.19 dequantises and transformers' permutation turns back.
  @Test(
    "SmolLM2-135M-Instruct Q4_1 dequantises to the gguf package's values",
    .enabled(if: Checkout.smolLM2 != nil))
  func smolLM2() throws {
    let model = try ModelFolder.open(#require(Checkout.smolLM2))
    let configuration = try model.configuration
    #expect(configuration.hiddenSize == 576)
    #expect(configuration.layerCount == 30)
    #expect(configuration.keyValueHeadCount == 3)
    #expect(configuration.ropeTheta == 100_000)
    #expect(configuration.tiedEmbeddings)
    let catalogue = try model.catalogue()
    var digest = SHA256()
    for name in catalogue.names {
      digest.update(data: Data(name.utf8))
      try catalogue.floats(name).withUnsafeBytes { digest.update(bufferPointer: $0) }
    }
    let hexadecimal = digest.finalize().map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
    #expect(hexadecimal == "785e20b3e653276b0579b744214a1186d730ba80af04f397f642d6432e5e0154")
  }
}
