import Foundation
import ModelFiles
import Numerics

/// A knowledge source of three layers whose weights come from a seed, as a Hugging Face folder.
struct TinySource {
  static let width = 48
  static let layers = 3
  private static let heads = 4
  private static let keyValueHeads = 2
  private static let inner = 96
  private static let vocabulary = 401

  let path: String
  var weights: String { path + "/model.safetensors" }

  /// Writes the folder.
  init(_ path: String, seed: UInt64 = 1) throws {
    self.path = path
    let files = FileManager.default
    try files.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Data(Self.configuration.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
    try files.copyItem(
      atPath: Checkout.path("Tests/Tokenization/Vectors/tiny-smollm.json"),
      toPath: path + "/tokenizer.json")
    let template = try String(
      contentsOfFile: Checkout.path("Tests/Tokenization/Vectors/templates/smollm2.jinja"),
      encoding: .utf8)
    try JSONEncoder().encode(["chat_template": template, "eos_token": "<|im_end|>"])
      .write(to: URL(fileURLWithPath: path + "/tokenizer_config.json"))
    try Self.writeWeights(path + "/model.safetensors", seed: seed)
  }

  private static let configuration = """
    {
      "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
      "hidden_size": \(width), "intermediate_size": \(inner), "num_hidden_layers": \(layers),
      "num_attention_heads": \(heads), "num_key_value_heads": \(keyValueHeads),
      "max_position_embeddings": 256, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
      "tie_word_embeddings": false, "attention_bias": false, "vocab_size": \(vocabulary),
      "bos_token_id": 1, "eos_token_id": 2
    }
    """

  /// Names and shapes of the tensors, [out, in].
  static let tensors: [(name: String, shape: [Int])] = {
    let keyValues = width / heads * keyValueHeads
    var tensors: [(String, [Int])] = [
      ("model.embed_tokens.weight", [vocabulary, width]), ("model.norm.weight", [width]),
      ("lm_head.weight", [vocabulary, width]),
    ]
    for layer in 0..<layers {
      let prefix = "model.layers.\(layer)."
      tensors += [
        (prefix + "input_layernorm.weight", [width]),
        (prefix + "post_attention_layernorm.weight", [width]),
        (prefix + "self_attn.q_proj.weight", [width, width]),
        (prefix + "self_attn.k_proj.weight", [keyValues, width]),
        (prefix + "self_attn.v_proj.weight", [keyValues, width]),
        (prefix + "self_attn.o_proj.weight", [width, width]),
        (prefix + "mlp.gate_proj.weight", [inner, width]),
        (prefix + "mlp.up_proj.weight", [inner, width]),
        (prefix + "mlp.down_proj.weight", [width, inner]),
      ]
    }
    return tensors
  }()

  /// Writes the weights, but for a tensor that is to be missing.
  static func writeWeights(_ path: String, seed: UInt64, without missing: String? = nil) throws {
    var generator = SeededGenerator(seed: seed)
    let kept = tensors.filter { $0.name != missing }
    let total = kept.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let values = FloatBuffer(count: total)
    var offset = 0
    var entries: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)] = []
    for (name, shape) in kept {
      let count = shape.reduce(1, *)
      for index in offset..<offset + count {
        values.base[index] = shape.count == 1 ? 1 : 0.15 * generator.normal()
      }
      entries.append((name, shape, UnsafeBufferPointer(start: values.base + offset, count: count)))
      offset += count
    }
    try SafetensorsWriter.write(path: path, tensors: entries)
  }
}

/// The checkout that these tests belong to.
enum Checkout {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent(name).path
  }
}
