import Architectures
import Foundation
import KnowledgeSource
import ModelFiles
import TestSupport
import Testing

/// SmolLM2-135M-Instruct against transformers on the same dequantised weights.
///
/// The GGUF file is the one named by `DENJU_SMOLLM2` (or in the folder so named), or the one that
/// `make` put in place.
@Suite struct SmolLM2Tests {
  static let folder = "smollm2-135m-instruct"

  static let modelPath = Checkout.smolLM2 ?? Checkout.path(".build/models/\(folder)")

  struct Prompts: Decodable {
    struct Prompt: Decodable {
      let text: String
      let inputIDs: [Int32]
      let greedyIDs: [Int32]
      let nextTokens: [Int32]

      enum CodingKeys: String, CodingKey {
        case text
        case inputIDs = "input_ids"
        case greedyIDs = "greedy_ids"
        case nextTokens = "next_token_top5"
      }
    }
    let prompts: [Prompt]
  }

  @Test(.vectors(folder))
  func agreesWithTransformers() throws {
    let source = try DecoderSource(ModelFolder.open(Self.modelPath))
    let end = Set(source.architecture.endTokenIDs)
    let states = try TensorCatalogue.open(
      ReferenceFolder.path("\(Self.folder)/states.safetensors"))
    let prompts = try JSONDecoder().decode(
      Prompts.self,
      from: Data(
        contentsOf: URL(fileURLWithPath: ReferenceFolder.path("\(Self.folder)/prompts.json")))
    ).prompts
    #expect(!prompts.isEmpty)

    for (index, prompt) in prompts.enumerated() {
      let layers = states.names.filter { $0.hasPrefix("\(index).hidden_states.") }
      #expect(!layers.isEmpty && !prompt.nextTokens.isEmpty && !prompt.greedyIDs.isEmpty)
      for name in states.names where name.hasPrefix("\(index).hidden_states.") {
        let layer = try #require(name.split(separator: ".").last.flatMap { Int($0) })
        let reference = try states.floats(name, shape: [prompt.inputIDs.count, source.width])
        let ours = try source.states(prompt.inputIDs, layer: layer)
        // The bound asked for. The order of the sums alone moves a state by up to some 1e-5 here,
        // through the first token's 25,000 in one channel of the middle layers.
        let error = worstRelativeError(ours, reference, width: source.width)
        #expect(error <= 1e-4, "\(prompt.text), layer \(layer)")
      }
      let final = try source.states(prompt.inputIDs, layer: source.layerCount)
      let logits = try source.logits(Array(final.suffix(source.width)))
      let best = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(prompt.nextTokens.count)
      #expect(best.map { Int32($0) } == prompt.nextTokens, "\(prompt.text)")
      let greedy = try source.greedyContinuation(of: prompt.inputIDs, limit: 16, end: end)
      #expect(greedy == prompt.greedyIDs, "\(prompt.text)")
    }
  }
}
