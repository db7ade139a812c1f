import Foundation
import KnowledgeSource
import ModelFiles
import Testing

/// all-MiniLM-L6-v2 against transformers.
///
/// The folder is the one named by `DENJU_MINILM`, or the one that `make model-minilm` put in place.
@Suite struct MiniLMTests {
  static let vectors = "minilm-l6"

  static let modelPath =
    ProcessInfo.processInfo.environment["DENJU_MINILM"].flatMap { $0.isEmpty ? nil : $0 }
    ?? ReferenceFolder.package.appendingPathComponent(".build/models/all-minilm-l6-v2").path

  private struct Prompts: Decodable {
    struct Prompt: Decodable {
      let text: String
      let ids: [Int32]

      enum CodingKeys: String, CodingKey {
        case text
        case ids = "input_ids"
      }
    }
    let prompts: [Prompt]
  }

  @Test(
    .vectors(vectors),
    .enabled(
      if: FileManager.default.fileExists(atPath: modelPath),
      "no model: name it by DENJU_MINILM, or run make model-minilm"))
  func agreesWithTransformers() throws {
    let source = try Sources.open(ModelFolder.open(Self.modelPath))
    let states = try TensorCatalogue.open(
      ReferenceFolder.path("\(Self.vectors)/states.safetensors"))
    let prompts = try JSONDecoder().decode(
      Prompts.self,
      from: Data(
        contentsOf: URL(fileURLWithPath: ReferenceFolder.path("\(Self.vectors)/prompts.json")))
    ).prompts
    #expect(!prompts.isEmpty)
    for (index, prompt) in prompts.enumerated() {
      let layers = states.names.filter { $0.hasPrefix("\(index).hidden_states.") }
      #expect(!layers.isEmpty)
      for name in layers {
        let layer = try #require(name.split(separator: ".").last.flatMap { Int($0) })
        let reference = try states.floats(name, shape: [prompt.ids.count, source.width])
        let ours = try source.states(prompt.ids, layer: layer)
        let error = worstRelativeError(ours, reference, width: source.width)
        #expect(error <= 1e-4, "\(prompt.text), layer \(layer)")
      }
    }
  }
}
