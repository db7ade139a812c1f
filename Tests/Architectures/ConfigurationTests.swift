import Architectures
import Layers
import ModelFiles
import TestSupport
import Testing

@Suite("config.json")
struct ConfigurationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A configuration's JSON text: `base` with `changes`; a change to nil removes the key.
  private static func text(_ base: [(String, String)], _ changes: [String: String?]) -> String {
    var members = base.filter { changes[$0.0] == nil }
    for (key, value) in changes {
      if let value { members.append((key, value)) }
    }
    return "{" + members.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }

  static func llama(_ changes: [String: String?]) -> String {
    text(
      [
        ("model_type", "\"llama\""), ("architectures", "[\"LlamaForCausalLM\"]"),
        ("hidden_size", "64"), ("intermediate_size", "96"), ("num_hidden_layers", "3"),
        ("num_attention_heads", "4"), ("num_key_value_heads", "2"), ("vocab_size", "100"),
        ("max_position_embeddings", "512"), ("rms_norm_eps", "1e-05"), ("hidden_act", "\"silu\""),
        ("bos_token_id", "1"), ("eos_token_id", "[2, 3]"),
      ], changes)
  }

  private static func neo(_ changes: [String: String?]) -> String {
    text(
      [
        ("model_type", "\"gpt_neo\""), ("hidden_size", "64"), ("num_layers", "4"),
        ("num_heads", "4"), ("vocab_size", "100"), ("max_position_embeddings", "512"),
        ("attention_types", "[[[\"global\",\"local\"],2]]"), ("window_size", "32"),
        ("activation_function", "\"gelu_new\""), ("layer_norm_epsilon", "1e-05"),
        ("intermediate_size", "null"), ("eos_token_id", "50256"),
      ], changes)
  }

  private func read(_ text: String) throws -> any Architecture {
    try ArchitectureRegistry.builtIn.configuration(
      ConfigurationReader(path: folder.write("config.json", text)))
  }

  /// What a rotary decoder's text says.
  private func decoder(_ text: String) throws -> RotaryDecoder {
    try #require(try read(text) as? any RotaryDecoderFamily).decoder
  }

  @Test("Llama, with what transformers takes for absent keys")
  func llama() throws {
    let text = Self.llama(["num_key_value_heads": nil, "rms_norm_eps": nil])
    #expect(try read(text) is Llama)
    let configuration = try decoder(text)
    #expect(configuration.sizes.headSize == 16)
    #expect(configuration.sizes.keyValueHeadCount == 4)
    #expect(configuration.rmsNormEpsilon == 1e-6)
    #expect(configuration.ropeTheta == 10_000)
    #expect(configuration.tiedEmbeddings == false)
    #expect(configuration.attentionBias == false)
    #expect(configuration.beginTokenID == 1)
    #expect(configuration.endTokenIDs == [2, 3])
    #expect(try decoder(Self.llama(["head_dim": "24"])).sizes.headSize == 24)
  }

  @Test("both spellings of the rotary base")
  func ropeTheta() throws {
    #expect(try decoder(Self.llama(["rope_theta": "500000.0"])).ropeTheta == 500_000)
    let inner = #"{"rope_theta": 1000000, "rope_type": "default"}"#
    #expect(try decoder(Self.llama(["rope_parameters": inner])).ropeTheta == 1_000_000)
    #expect(
      try decoder(Self.llama(["rope_parameters": inner, "rope_theta": "1e6"])).ropeTheta
        == 1_000_000)
    expectError("rope_parameters.rope_theta", "500000", "1000000") {
      try read(Self.llama(["rope_parameters": inner, "rope_theta": "500000"]))
    }
  }

  @Test("Qwen2's published configuration")
  func qwen2() throws {
    let configuration = try read(
      Self.llama([
        "model_type": "\"qwen2\"", "architectures": "[\"Qwen2ForCausalLM\"]",
        "sliding_window": "131072", "use_sliding_window": "false", "max_window_layers": "28",
        "tie_word_embeddings": "true", "rope_theta": "1000000.0", "attention_dropout": "0.0",
      ]))
    let qwen2 = try #require(configuration as? Qwen2)
    #expect(qwen2.decoder.attentionBias && qwen2.decoder.tiedEmbeddings)
    #expect(qwen2.block(0).attention.value.hasBias && !qwen2.block(0).attention.output.hasBias)
    expectError("num_key_value_heads", "missing") {
      try read(
        Self.llama(["model_type": "\"qwen2\"", "architectures": nil, "num_key_value_heads": nil]))
    }
  }

  @Test("Llama's biases, where it says that it has them")
  func llamaBiases() throws {
    let attention = try read(Self.llama(["attention_bias": "true"]))
    let projections = attention.block(1).attention
    for part in [projections.query, projections.key, projections.value, projections.output] {
      #expect(part.hasBias)
    }
    #expect(try feedForward(attention) == [false, false, false])
    #expect(
      try feedForward(try read(Self.llama(["mlp_bias": "true"]))) == [true, true, true])
    // Each is another model.
    let identities = try [[:], ["attention_bias": "true"], ["mlp_bias": "true"]].map {
      try read(Self.llama($0)).identityJSON
    }
    #expect(Set(identities).count == 3)
    // What transformers reads and no family here computes.
    for (family, key) in [("qwen3", "attention_bias"), ("mistral", "mlp_bias")] {
      expectError(key) {
        try read(Self.llama(["model_type": "\"\(family)\"", "architectures": nil, key: "true"]))
      }
    }
  }

  /// Which of gate, up and down have biases.
  private func feedForward(_ architecture: any Architecture) throws -> [Bool] {
    guard case .gated(_, _, let gate, let up, let down) = architecture.block(0).feedForward else {
      return []
    }
    return [gate, up, down].map(\.hasBias)
  }

  /// As the 4B model is published: what is usual is left out, and what ends an answer is outside.
  private static func gemma3(_ changes: [String: String?]) -> String {
    text(
      [
        ("model_type", "\"gemma3\""), ("architectures", "[\"Gemma3ForConditionalGeneration\"]"),
        ("eos_token_id", "[1, 106]"), ("vision_config", #"{"hidden_size": 1152}"#),
        (
          "text_config",
          #"{"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "#
            + #""num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "#
            + #""sliding_window": 1024}"#
        ),
      ], changes)
  }

  @Test("the text model within a Gemma 3 that sees images")
  func gemma3WithImages() throws {
    let text = Self.gemma3([:])
    #expect(try read(text) is Gemma3)
    let configuration = try decoder(text)
    #expect(configuration.sizes.headCount == 8 && configuration.sizes.keyValueHeadCount == 4)
    #expect(configuration.sizes.headSize == 256)
    #expect(configuration.sizes.vocabularySize == 262_208)
    #expect(configuration.sizes.maximumPositions == 131_072)
    #expect(configuration.endTokenIDs == [1, 106])
    #expect(configuration.windows[4] == 1024 && configuration.windows[5] == nil)
    #expect(configuration.localRotary == RotaryDescription(theta: 10_000))
    #expect(configuration.tiedEmbeddings)
    for (key, value, named) in [
      ("text_config", nil, "text_config"), ("text_config", "[]", "configuration"),
      ("text_config", #"{"model_type":"gemma2"}"#, "model_type"),
      ("text_config", #"{"model_type":"gemma3_text"}"#, "hidden_size"),
      ("architectures", #"["Gemma3ForSequenceClassification"]"#, "architectures"),
      ("quantization_config", #"{"quant_method":"gptq"}"#, "quantization_config"),
      ("model_type", "\"gemma3n\"", "gemma3n"),
    ] as [(String, String?, String)] {
      expectError("config.json", named) { try read(Self.gemma3([key: value])) }
    }
    expectError("tie_word_embeddings") {
      try read(
        Self.gemma3([
          "tie_word_embeddings": "false",
          "text_config": #"{"model_type":"gemma3_text","tie_word_embeddings":true}"#,
        ]))
    }
  }

  @Test("GPT-Neo")
  func gptNeo() throws {
    let configuration = try #require(try read(Self.neo([:])) as? GPTNeo)
    #expect(configuration.sizes.intermediateSize == 256)
    #expect(configuration.attentionKinds == [.global, .local, .global, .local])
    #expect(configuration.windowSize == 32)
    #expect(configuration.layerNormEpsilon == 1e-5)
    #expect(configuration.tiedEmbeddings)
    #expect(configuration.endTokenID == 50_256)
    expectError("activation_function", "relu") {
      try read(Self.neo(["activation_function": "\"relu\""]))
    }
    expectError("attention_types") { try read(Self.neo(["num_layers": "3"])) }
    expectError("attention_types", "missing") { try read(Self.neo(["attention_types": nil])) }
    expectError("attention_types", "sparse") {
      try read(Self.neo(["attention_types": "[[[\"sparse\"],4]]"]))
    }
    expectError("attention_types") {
      try read(Self.neo(["attention_types": "[[[\"global\"],9223372036854775807]]"]))
    }
    expectError("attention_layers") {
      try read(Self.neo(["attention_layers": "[\"global\",\"global\",\"global\",\"local\"]"]))
    }
    expectError("num_heads", "divisor") { try read(Self.neo(["num_heads": "5"])) }
    expectError("head size", "9223372036854775807") {
      try read(Self.neo(["hidden_size": "9223372036854775807", "num_heads": "1"]))
    }
  }

  @Test(
    "keys that change the result are refused by name",
    arguments: [
      ("rope_scaling", #"{"type":"ntk","factor":2.0}"#, "rope_scaling.type"),
      ("rope_scaling", #"{"type":"linear"}"#, "rope_scaling.factor"),
      ("rope_scaling", #"{"type":"linear","factor":-2}"#, "rope_scaling.factor"),
      ("rope_scaling", #"{"type":"linear","factor":2,"mscale":1}"#, "rope_scaling.mscale"),
      ("rope_scaling", #"{"rope_type":"llama3","factor":8.0}"#, "rope_scaling.low_freq_factor"),
      (
        "rope_scaling",
        #"{"rope_type":"llama3","factor":8.0,"low_freq_factor":4,"high_freq_factor":4}"#,
        "rope_scaling.high_freq_factor"
      ),
      ("rope_scaling", #"{"rope_type":"longrope","long_factor":[1]}"#, "rope_scaling.short_factor"),
      ("rope_scaling", "2.0", "rope_scaling"),
      ("rope_parameters", #"{"rope_type":"yarn","beta_fast":0}"#, "rope_parameters.beta_fast"),
      ("rope_parameters", #"{"partial_rotary_factor":1.5}"#, "partial_rotary_factor"),
      ("rope_parameters", #"{"full_attention":{"rope_type":"default"}}"#, "full_attention"),
      ("partial_rotary_factor", "-0.5", "partial_rotary_factor"),
      ("use_sliding_window", "true", "use_sliding_window"),
      ("layer_types", #"["full_attention","sliding_attention","full_attention"]"#, "layer_types"),
      ("layer_types", #"["full_attention"]"#, "layer_types"),
      ("hidden_act", "\"gelu\"", "hidden_act"),
      ("mlp_bias", "1", "mlp_bias"),
      ("attention_bias", "\"true\"", "attention_bias"),
      ("pretraining_tp", "2", "pretraining_tp"),
      ("quantization_config", #"{"quant_method":"gptq"}"#, "quantization_config"),
      ("num_local_experts", "8", "num_local_experts"),
      ("model_type", "\"mixtral\"", "model_type"),
      ("architectures", "[\"LlamaForSequenceClassification\"]", "LlamaForSequenceClassification"),
    ])
  func refusals(key: String, value: String, named: String) {
    expectError("config.json", named) { try read(Self.llama([key: value])) }
  }

  @Test("values that mean nothing are not refused")
  func neutral() throws {
    let plain = try read(Self.llama([:]))
    let neutral = try read(
      Self.llama([
        "rope_scaling": "null", "mlp_bias": "false", "attention_bias": "false",
        "pretraining_tp": "1", "quantization_config": "null", "use_sliding_window": "false",
        "layer_types": #"["full_attention","full_attention","full_attention"]"#,
        "rope_parameters": #"{"rope_type":"default","partial_rotary_factor":1.0}"#,
        "head_dim": "null", "initializer_range": "0.02", "torch_dtype": "\"bfloat16\"",
      ]))
    #expect(plain.isEqual(to: neutral))
  }

  @Test(
    "sizes out of bounds",
    arguments: [
      ("hidden_size", "0"), ("hidden_size", "-64"), ("hidden_size", "64.5"),
      ("hidden_size", "\"64\""), ("hidden_size", "4611686018427387904"),
      ("hidden_size", "99999999999999999999"), ("intermediate_size", "0"),
      ("num_hidden_layers", "0"), ("num_hidden_layers", "1000000000"),
      ("num_attention_heads", "0"), ("num_attention_heads", "-1"), ("num_attention_heads", "3"),
      ("head_dim", "0"), ("head_dim", "15"), ("head_dim", "9223372036854775807"),
      ("vocab_size", "0"), ("vocab_size", "9223372036854775807"),
      ("max_position_embeddings", "-1"), ("max_position_embeddings", "1e30"),
      ("rms_norm_eps", "0"), ("rms_norm_eps", "-1e-5"), ("rope_theta", "0"),
      ("rope_theta", "1e300"), ("eos_token_id", "4294967296"), ("eos_token_id", "\"2\""),
    ])
  func sizes(key: String, value: String) {
    expectError("config.json") { try read(Self.llama([key: value])) }
  }

  @Test("key-value heads that do not divide the heads", arguments: ["3", "0", "8"])
  func keyValueHeads(count: String) {
    expectError("head") { try read(Self.llama(["num_key_value_heads": count])) }
  }

  @Test("absent keys are named", arguments: ["hidden_size", "vocab_size", "model_type"])
  func absent(key: String) {
    expectError(key, "missing") { try read(Self.llama([key: nil])) }
  }

  @Test("the architecture's text tells arithmetic apart and nothing else")
  func identityJSON() throws {
    let text = try read(Self.llama([:])).identityJSON
    #expect(text.contains(#""ropeTheta":10000.0"#))
    #expect(try read(Self.llama(["eos_token_id": "7"])).identityJSON == text)
    #expect(try read(Self.llama(["rope_theta": "20000"])).identityJSON != text)
  }
}
