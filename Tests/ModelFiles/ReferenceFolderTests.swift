import Architectures
import Crypto
import Foundation
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

@Suite("Reference models")
struct ReferenceFolderTests {
  @Test(
    "configuration and tensor shapes agree",
    .enabled(if: Checkout.hasReference("tiny-llama"), "no folder of vectors is here"),
    arguments: ["tiny-llama", "tiny-qwen2", "tiny-gpt-neo"])
  func shapes(name: String) throws {
    let model = try ModelFolder.open(Checkout.reference(name))
    let architecture = try model.architecture()
    let catalogue = try model.catalogue()
    let (width, vocabulary) = (architecture.width, architecture.vocabularySize)
    let embedding = try catalogue.floats(
      architecture.embedding.tokens, shape: [vocabulary, width])
    #expect(embedding.allSatisfy { $0.isFinite })
    let output = try #require(architecture.outputHead)
    let head = output.isTied ? architecture.embedding.tokens : output.name
    #expect(try catalogue.floats(head, shape: [vocabulary, width]).count == embedding.count)
    for layer in 0..<architecture.layerCount {
      let block = architecture.block(layer)
      let key = block.attention.key
      let shared = block.attention.heads.keyValueWidth
      _ = try catalogue.floats(key.name + ".weight", shape: [shared, width])
      if key.hasBias { _ = try catalogue.floats(key.name + ".bias", shape: [shared]) }
      let last =
        switch block.feedForward {
        case .plain(_, _, _, let contract): contract
        case .gated(_, _, _, _, let down): down
        }
      _ = try catalogue.floats(last.name + ".weight", shape: [width, block.feedForward.inner])
    }
  }

  @Test(
    "the embedding of the input ids is layer 0",
    .enabled(if: Checkout.hasReference("tiny-llama"), "no folder of vectors is here"),
    arguments: ["tiny-llama", "tiny-qwen2"])
  func embedding(name: String) throws {
    let model = try ModelFolder.open(Checkout.reference(name))
    let width = try model.architecture().width
    let table = try model.catalogue().floats("model.embed_tokens.weight")
    let expected = try TensorCatalogue.open(
      Checkout.reference("\(name)/expected.safetensors"))
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
    .enabled(if: Checkout.smolLM2 != nil, "DENJU_SMOLLM2 names no file"))
  func smolLM2() throws {
    let model = try ModelFolder.open(#require(Checkout.smolLM2))
    let decoder = try #require(try model.architecture() as? Llama).decoder
    #expect(decoder.sizes.hiddenSize == 576)
    #expect(decoder.sizes.layerCount == 30)
    #expect(decoder.sizes.keyValueHeadCount == 3)
    #expect(decoder.ropeTheta == 100_000)
    #expect(decoder.tiedEmbeddings)
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
