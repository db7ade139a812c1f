import KnowledgeSource
import ModelFiles
import Testing

/// Small random models of each family against transformers: every layer and the logits.
@Suite struct TinySourceTests {
  @Test(.vectors("tiny-llama")) func llamaAgreesWithTransformers() throws {
    try checkAgreement("tiny-llama")
  }

  @Test(.vectors("tiny-qwen2")) func qwen2AgreesWithTransformers() throws {
    try checkAgreement("tiny-qwen2")
  }

  private func checkAgreement(_ name: String) throws {
    let folder = try ModelFolder.open(ReferenceFolder.path(name))
    let source = try DecoderSource(folder)
    let expected = try TensorCatalogue.open(
      ReferenceFolder.path("\(name)/expected.safetensors"))
    let batch = try #require(expected["input_ids"]?.shape.first)
    let ids = try expected.integers("input_ids").map { Int32($0) }
    try #require(batch > 0)
    let length = ids.count / batch
    let documents = (0..<batch).map { Array(ids[$0 * length..<($0 + 1) * length]) }

    for layer in 0...source.layerCount {
      let states = try documents.flatMap { try source.states($0, layer: layer) }
      let reference = try expected.floats(
        "hidden_states.\(layer)", shape: [batch, length, source.width])
      let error = worstRelativeError(states, reference, width: source.width)
      // The bound asked for; both sides are float32 and differ by the order of sums, about 1e-6.
      #expect(error <= 1e-4, "\(name), layer \(layer)")
      if layer == source.layerCount {
        let logits = try source.logits(states)
        let referenceLogits = try expected.floats(
          "logits", shape: [batch, length, source.vocabularySize])
        #expect(worstAbsoluteError(logits, referenceLogits) <= 1e-4, "\(name), logits")
      }
    }
  }
}
