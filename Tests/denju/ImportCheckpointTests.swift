import Foundation
import Generators
import ModelFiles
import Numerics
import Runs
import TestSupport
import Testing

/// Weights that were trained elsewhere become runs that generate.
@Suite struct ImportCheckpointTests {
  @Test(arguments: ["llm-modules-published", "llm-modules-causal"])
  func `the published checkpoint has its loss, and answers`(name: String) throws {
    let reference = Checkout.path("Tests/Reference/vectors/\(name)")
    let expected = try TensorCatalogue.open(reference + "/expected.safetensors")
    let shape = try #require(expected["logits"]?.shape)
    let (count, length, vocabulary) = (shape[0], shape[1], shape[2])
    let width = try #require(expected["states"]?.shape.last)
    let workshop = try Workshop()
    try Self.writeSource(workshop.path("reader"), width: width, vocabulary: vocabulary)
    expectSuccess(
      try workshop.denju(
        "import-checkpoint", reference + "/weights.safetensors", "--source", "reader", "--run",
        "imported"))

    let run = RunFolder(workshop.path("imported"))
    let generator = try run.generator(run.best, try run.manifest())
    let ids = try expected.integers("input_ids").map { Int32($0) }
    let states = try expected.floats("states")
    let documents = (0..<count).map { row in
      GeneratorDocument(
        states: [Array(states[row * length * width..<(row + 1) * length * width])],
        prompt: [ids[row * length]], response: Array(ids[row * length + 1..<(row + 1) * length]))
    }
    let result = try generator.evaluate(documents, loss: .all)
    let loss = Double(try expected.floats("loss")[0])
    // The bound asked for; float32 sums differ by their order.
    #expect(abs(result.lossSum / Double(result.tokenCount) - loss) <= 1e-5 * loss)

    let answer = expectSuccess(
      try workshop.denju(
        "generate", "--run", "imported", "--max-new-tokens", "6", "--json", "# !"))
    #expect(answer.output.contains("\"states\":\"stepped\""))
    expectRefusal(
      try workshop.denju(
        "import-checkpoint", reference + "/weights.safetensors", "--source", "reader", "--run",
        "imported"), "imported", "already")
    // Another source's states are of another width.
    expectRefusal(
      try workshop.denju(
        "import-checkpoint", reference + "/weights.safetensors", "--source", "source", "--run",
        "other"), "width 20", "source gives 48")
    #expect(!FileManager.default.fileExists(atPath: workshop.path("other")))
  }

  /// A safetensors file may begin with the byte that pickles begin with: the length of its header is any.
  @Test func `a header's length makes no pickle of a file`() throws {
    let workshop = try Workshop()
    let header = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let padded = header + String(repeating: " ", count: 0x280 - header.utf8.count)
    var bytes = Data([0x80, 2, 0, 0, 0, 0, 0, 0])
    bytes += Data(padded.utf8) + Data(count: 4)
    try bytes.write(to: URL(fileURLWithPath: workshop.path("weights.safetensors")))
    let refused = try workshop.denju(
      "import-checkpoint", "weights.safetensors", "--source", "source", "--run", "imported")
    expectRefusal(refused, "tensor")
    #expect(!refused.errors.contains("pickle"))
  }

  @Test(arguments: ["x.pt", "x.bin", "weights"])
  func `a pickle is refused with the line that converts it`(name: String) throws {
    let workshop = try Workshop()
    try Data([0x50, 0x4B, 3, 4, 0, 0]).write(to: URL(fileURLWithPath: workshop.path(name)))
    expectRefusal(
      try workshop.denju("import-checkpoint", name, "--source", "source", "--run", "imported"),
      "pickle", "safetensors", "weights_only=True")
    #expect(!FileManager.default.fileExists(atPath: workshop.path("imported")))
  }

  /// A source of one layer with a byte-level tokenizer of so many tokens.
  private static func writeSource(_ path: String, width: Int, vocabulary: Int) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    func write(_ name: String, _ object: Any) throws {
      try JSONSerialization.data(withJSONObject: object)
        .write(to: URL(fileURLWithPath: path + "/" + name))
    }
    var tokenizer = try #require(
      JSONSerialization.jsonObject(
        with: Data(
          contentsOf: URL(
            fileURLWithPath: Checkout.path("Tests/Tokenization/Vectors/tiny-gpt2.json"))))
        as? [String: Any])
    var model = try #require(tokenizer["model"] as? [String: Any])
    let known = try #require(model["vocab"] as? [String: Int])
    let end = "<|endoftext|>"
    let kept = known.keys.filter { $0 != end && !$0.hasPrefix("<|") }
      .sorted { known[$0, default: 0] < known[$1, default: 0] }.prefix(vocabulary - 1)
    var tokens = Dictionary(
      uniqueKeysWithValues: kept.enumerated().map { ($0.element, $0.offset) })
    let merges = (model["merges"] as? [Any] ?? []).filter { merge in
      let parts = merge as? [String] ?? (merge as? String)?.components(separatedBy: " ") ?? []
      return tokens[parts.joined()] != nil && parts.allSatisfy { tokens[$0] != nil }
    }
    tokens[end] = vocabulary - 1
    model["vocab"] = tokens
    model["merges"] = merges
    tokenizer["model"] = model
    tokenizer["added_tokens"] = [
      [
        "id": vocabulary - 1, "content": end, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true,
      ]
    ]
    try write("tokenizer.json", tokenizer)
    try write("tokenizer_config.json", ["eos_token": end])
    let inner = 32
    try write(
      "config.json",
      [
        "model_type": "llama", "hidden_act": "silu", "hidden_size": width,
        "intermediate_size": inner, "num_hidden_layers": 1, "num_attention_heads": 1,
        "num_key_value_heads": 1, "head_dim": 8, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": true,
        "vocab_size": vocabulary,
      ])
    let prefix = "model.layers.0."
    let shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [vocabulary, width]), ("model.norm.weight", [width]),
      (prefix + "input_layernorm.weight", [width]),
      (prefix + "post_attention_layernorm.weight", [width]),
      (prefix + "self_attn.q_proj.weight", [8, width]),
      (prefix + "self_attn.k_proj.weight", [8, width]),
      (prefix + "self_attn.v_proj.weight", [8, width]),
      (prefix + "self_attn.o_proj.weight", [width, 8]),
      (prefix + "mlp.gate_proj.weight", [inner, width]),
      (prefix + "mlp.up_proj.weight", [inner, width]),
      (prefix + "mlp.down_proj.weight", [width, inner]),
    ]
    var generator = SeededGenerator(seed: 3)
    let values = shapes.map { _, shape in
      (0..<shape.reduce(1, *)).map { _ in shape.count == 1 ? 1 : 0.2 * generator.normal() }
    }
    let buffer = FloatBuffer(values.flatMap { $0 })
    var offset = 0
    try SafetensorsWriter.write(
      path: path + "/model.safetensors",
      tensors: zip(shapes, values).map { shape, values in
        defer { offset += values.count }
        return (
          shape.0, shape.1,
          UnsafeBufferPointer<Float>(start: buffer.base + offset, count: values.count)
        )
      })
  }
}
