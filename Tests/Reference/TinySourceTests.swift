import Architectures
import KnowledgeSource
import ModelFiles
import Testing

/// Small random models of each family against transformers: every layer, and the logits where there are
/// any. A folder more of a family that is known is tested without a line here.
@Suite struct TinySourceTests {
  /// What is known is computed; what is not is refused by name.
  @Test(arguments: TinyFolder.names)
  func agreesWithTransformers(_ name: String) throws {
    guard let architecture = try TinyFolder.architecture(name) else {
      let error = #expect(throws: KnowledgeSourceError.self) {
        try Sources.open(ModelFolder.open(ReferenceFolder.path(name)))
      }
      #expect("\(try #require(error))".contains("config.json"))
      return
    }
    let tiny = try TinyFolder(name)
    let source = try Sources.open(tiny.folder)
    #expect(source.architecture.isEqual(to: architecture))
    let layers = tiny.expected.names.filter { $0.hasPrefix("hidden_states.") }
    #expect(layers.count == source.layerCount + 1)
    for (place, document) in tiny.documents.enumerated() {
      for layer in 0...source.layerCount {
        let states = try source.states(document, layer: layer)
        let reference = try tiny.values("hidden_states.\(layer)", place)
        let error = worstRelativeError(states, reference, width: source.width)
        // Both sides are float32 and differ by the order of sums.
        #expect(error <= 1e-5, "layer \(layer)")
        guard layer == source.layerCount, let decoder = source as? DecoderSource else { continue }
        let logits = try decoder.logits(states)
        let expected = try tiny.values("logits", place)
        #expect(worstAbsoluteError(logits, expected) <= 1e-5 * largest(expected), "logits")
      }
    }
  }

  /// The families that have folders are all among those that are computed.
  @Test(.vectors("tiny-llama")) func everyFamilyHasAFolder() throws {
    let families = try TinyFolder.names.compactMap { try TinyFolder.architecture($0)?.family }
    var wanted: Set<String> = ["llama", "qwen2", "gpt_neo"]
    if ReferenceFolder.has("tiny-bert") { wanted.insert("bert") }
    #expect(Set(families).isSuperset(of: wanted))
  }
}

/// What logits' errors are measured by: sums of that size are rounded at 1e-6 of it on either side.
func largest(_ logits: [Float]) -> Float { logits.reduce(1) { max($0, abs($1)) } }
