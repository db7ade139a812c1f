import Architectures
import Layers
import ModelFiles
import Numerics
import TestSupport
import Testing

@Suite("Configuration of a GGUF file")
struct GGUFConfigurationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(
    _ architecture: String = "llama", _ change: (inout GGUFBuilder) -> Void
  ) throws -> any Architecture {
    var builder = GGUFBuilder.model(architecture)
    change(&builder)
    let path = try folder.write("model.gguf", builder.bytes)
    return try ModelFolder.open(path).architecture()
  }

  @Test("defaults of absent keys")
  func defaults() throws {
    let configuration = try #require(try read { _ in } as? Llama)
    #expect(configuration.decoder.ropeTheta == 10_000)
    #expect(configuration.outputHead?.isTied == true)
    #expect(configuration.vocabularySize == 10)
    #expect(configuration.beginTokenID == nil)
    let untied = try read { $0.addTensor("output.weight", [10, 16]) }
    #expect(untied.outputHead == OutputHeadDescription("lm_head.weight", isTied: false))
    #expect(try read("qwen2") { _ in } is Qwen2)
  }

  @Test("values that mean nothing are not refused")
  func neutral() throws {
    let plain = try read { _ in }
    let neutral = try read {
      $0.add("llama.rope.scaling.type", string: "none")
      $0.add("llama.rope.scaling.factor", float: 1)
      $0.add("llama.expert_count", integer: 0)
      $0.add("llama.attention.sliding_window", integer: 64)
      $0.add("llama.attention.causal", bool: true)
      $0.add("llama.attention.key_length", integer: 4)
      $0.add("llama.vocab_size", integer: 10)
      $0.add("general.name", string: "x")
    }
    #expect(plain.isEqual(to: neutral))
  }

  @Test("metadata that changes the result is refused by name")
  func refusedKeys() {
    expectError("llama.rope.scaling.factor", "missing") {
      try read { $0.add("llama.rope.scaling.type", string: "linear") }
    }
    expectError("llama.rope.scaling.type", "ntk") {
      try read { $0.add("llama.rope.scaling.type", string: "ntk") }
    }
    // llama.cpp multiplies by it, whatever the type.
    expectError("llama.rope.scaling.attn_factor", "1.5") {
      try read {
        $0.add("llama.rope.scaling.type", string: "linear")
        $0.add("llama.rope.scaling.factor", float: 2)
        $0.add("llama.rope.scaling.attn_factor", float: 1.5)
      }
    }
    for key in ["yarn_beta_fast", "yarn_beta_slow", "yarn_attn_factor"] {
      expectError("llama.rope.scaling.\(key)", "a positive number") {
        try read {
          $0.add("llama.rope.scaling.type", string: "yarn")
          $0.add("llama.rope.scaling.factor", float: 2)
          $0.add("llama.rope.scaling.\(key)", float: key == "yarn_attn_factor" ? 0 : -1)
        }
      }
    }
    expectError("llama.rope.scaling.original_context_length", "1 to") {
      try read {
        $0.add("llama.rope.scaling.type", string: "yarn")
        $0.add("llama.rope.scaling.factor", float: 2)
        $0.add("llama.rope.scaling.original_context_length", integer: 0)
      }
    }
    expectError("llama.rope.scaling.factor", "4.0") {
      try read { $0.add("llama.rope.scaling.factor", float: 4) }
    }
    expectError("llama.rope.dimension_count", "5") {
      try read { $0.add("llama.rope.dimension_count", integer: 5) }
    }
    expectError("llama.expert_count", "8") {
      try read { $0.add("llama.expert_count", integer: 8) }
    }
    expectError("llama.attention.sliding_window", "32") {
      try read { $0.add("llama.attention.sliding_window", integer: 32) }
    }
    expectError("llama.attention.value_length", "8") {
      try read { $0.add("llama.attention.value_length", integer: 8) }
    }
    expectError("llama.logit_scale", "2.0") { try read { $0.add("llama.logit_scale", float: 2) } }
    expectError("split.count", "merge") { try read { $0.add("split.count", integer: 3) } }
    expectError("general.architecture", "gemma") { try read("gemma") { _ in } }
    expectError("general.architecture", "gpt_neo") { try read("gpt_neo") { _ in } }
    expectError("bert.attention.layer_norm_rms_epsilon") { try read("bert") { _ in } }
  }

  /// Where a token sees what is before it alone, it is no encoder, whatever else it has of one.
  @Test("a causal BERT is refused")
  func causalEncoder() throws {
    var bytes = try Checkout.bytes("Tests/Reference/vectors/gguf/bert-plain.gguf")
    let key = Array("bert.attention.causal".utf8)
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: key) }, "the key is in the file")
    // Behind the key stand four bytes of the type, and the value.
    bytes[place + key.count + 4] = 1
    expectError("bert.attention.causal", "true", "false: an encoder") {
      try ModelFolder.open(folder.write("model.gguf", bytes)).architecture()
    }
  }

  @Test("tensors that change the result are refused by name")
  func refusedTensors() {
    for name in [
      "rope_freqs.weight", "blk.0.ffn_gate_inp.weight", "blk.0.attn_qkv.weight",
      "blk.0.attn_q_norm.weight", "blk.0.attn_norm.bias", "blk.00.attn_norm.weight",
    ] {
      expectError("tensor \(name)") { try read { $0.addTensor(name, [16]) } }
    }
    expectError("rope_factors_short.weight", "missing") {
      try read { $0.addTensor("rope_factors_long.weight", [2]) }
    }
    expectError("blk.0.attn_output.bias") {
      try read("qwen2") { $0.addTensor("blk.0.attn_output.bias", [16]) }
    }
  }

  @Test("biases are those that there are tensors of")
  func biases() throws {
    func biases(_ tensors: [String]) throws -> ProjectionBiases? {
      try (read { for name in tensors { $0.addTensor(name, [16]) } } as? Llama)?.decoder.biases
    }
    #expect(try biases([]) == [])
    #expect(try biases(["blk.0.attn_output.bias"]) == .attention)
    #expect(try biases(["blk.0.ffn_up.bias"]) == .feedForward)
  }

  @Test("sizes that contradict each other or are out of bounds")
  func sizes() {
    expectError("llama.vocab_size", "10", "11") {
      try read { $0.add("llama.vocab_size", integer: 11) }
    }
    expectError("head size", "even", "3") {
      try read { $0.add("llama.attention.key_length", integer: 3) }
    }
    expectError("token id") {
      try read { $0.add("tokenizer.ggml.eos_token_id", integer: 1 << 31) }
    }
    expectError("layer count") {
      var builder = GGUFBuilder.model(layers: 1 << 30)
      builder.add("general.name", string: "deep")
      return try ModelFolder.open(folder.write("deep.gguf", builder.bytes)).architecture()
    }
    expectError("token_embd.weight", "missing") {
      var builder = GGUFBuilder()
      builder.add("general.architecture", string: "llama")
      builder.add("llama.embedding_length", integer: 16)
      builder.add("llama.feed_forward_length", integer: 16)
      builder.add("llama.block_count", integer: 1)
      builder.add("llama.attention.head_count", integer: 2)
      return try ModelFolder.open(folder.write("vocabulary.gguf", builder.bytes)).architecture()
    }
  }

  @Test("a value for each layer")
  func perLayer() throws {
    func counts(_ values: [Int32]) -> [UInt8] {
      GGUFBuilder.array(GGUFBuilder.Code.int32, values.map(GGUFBuilder.bytes))
    }
    func configuration(_ values: [Int32]) throws -> any Architecture {
      var builder = GGUFBuilder()
      builder.add("general.architecture", string: "qwen2")
      builder.add("qwen2.embedding_length", integer: 16)
      builder.add("qwen2.feed_forward_length", integer: 24)
      builder.add("qwen2.block_count", integer: 2)
      builder.add("qwen2.context_length", integer: 32)
      builder.add("qwen2.attention.head_count", GGUFBuilder.Code.array, counts(values))
      builder.add("qwen2.attention.layer_norm_rms_epsilon", float: 1e-6)
      builder.addTensor("token_embd.weight", [10, 16])
      return try ModelFolder.open(folder.write("layers.gguf", builder.bytes)).architecture()
    }
    #expect(try configuration([4, 4]).block(0).attention.heads.count == 4)
    expectError("qwen2.attention.head_count", "layer") { try configuration([4, 2]) }
    expectError("qwen2.attention.head_count") { try configuration([]) }
  }
}
