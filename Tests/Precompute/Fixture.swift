import Corpora
import FeatureCache
import Foundation
import ModelFiles
import Numerics
import Precompute
import Testing

/// A folder with a source of random weights and SmolLM2's manner of tokens, removed afterwards.
final class Fixture {
  static let (width, positions, layers) = (32, 256, 2)

  let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-precompute-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: path("source"), withIntermediateDirectories: true)
    let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Tokenization/Vectors/tiny-smollm.json").standardizedFileURL
    try FileManager.default.copyItem(atPath: vectors.path, toPath: path("source/tokenizer.json"))
    try write(
      "source/config.json",
      """
      {
        "model_type": "llama", "hidden_act": "silu", "hidden_size": \(Self.width),
        "intermediate_size": 48, "num_hidden_layers": \(Self.layers), "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": \(Self.positions),
        "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": true,
        "vocab_size": 401, "bos_token_id": 1, "eos_token_id": 2
      }
      """)
    try writeWeights()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { folder + "/" + name }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
  }

  private func writeWeights() throws {
    var tensors: [(name: String, shape: [Int])] = [
      ("model.embed_tokens.weight", [401, Self.width]), ("model.norm.weight", [Self.width]),
    ]
    for layer in 0..<Self.layers {
      let prefix = "model.layers.\(layer)."
      tensors += [
        (prefix + "input_layernorm.weight", [Self.width]),
        (prefix + "post_attention_layernorm.weight", [Self.width]),
        (prefix + "self_attn.q_proj.weight", [32, Self.width]),
        (prefix + "self_attn.k_proj.weight", [16, Self.width]),
        (prefix + "self_attn.v_proj.weight", [16, Self.width]),
        (prefix + "self_attn.o_proj.weight", [Self.width, 32]),
        (prefix + "mlp.gate_proj.weight", [48, Self.width]),
        (prefix + "mlp.up_proj.weight", [48, Self.width]),
        (prefix + "mlp.down_proj.weight", [Self.width, 48]),
      ]
    }
    var generator = SeededGenerator(seed: 5)
    let values = FloatBuffer(count: tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })
    var offset = 0
    let entries = tensors.map { name, shape in
      let count = shape.reduce(1, *)
      defer { offset += count }
      for index in offset..<offset + count {
        values.base[index] = shape.count == 1 ? 1 : 0.2 * generator.normal()
      }
      return (name, shape, UnsafeBufferPointer(start: values.base + offset, count: count))
    }
    try SafetensorsWriter.write(path: path("source/model.safetensors"), tensors: entries)
  }

  /// Texts that begin alike: a few system prompts, openings below them, and some that are beginnings of
  /// others or occur twice.
  func writeCorpus(_ name: String, rows: Int, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func draw(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
    let words = ["red", "blue", "the", "city", "of", "and", "seven", "water", "runs", "slowly"]
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[draw(words.count)] }.joined(separator: " ")
    }
    let systems = (0..<3).map { text(12 + 9 * $0) }
    var prompts: [String] = []
    for _ in 0..<rows {
      switch draw(6) {
      case 0 where !prompts.isEmpty: prompts.append(prompts[draw(prompts.count)])
      case 1 where !prompts.isEmpty:
        let other = prompts[draw(prompts.count)].split(separator: " ")
        prompts.append(other.prefix(1 + draw(other.count)).joined(separator: " "))
      case 2: prompts.append(text(1 + draw(20)))
      default: prompts.append(systems[min(draw(5), 2)] + " " + text(1 + draw(12)))
      }
    }
    let lines = try prompts.enumerated().map { index, prompt in
      String(
        decoding: try JSONEncoder().encode(["prompt": prompt, "response": " \(index)"]),
        as: UTF8.self)
    }
    try write(name, lines.joined(separator: "\n") + "\n")
  }

  func options(_ corpus: String, cache: String) throws -> PrecomputeOptions {
    var options = PrecomputeOptions(
      source: path("source"), cache: path(cache),
      corpus: .hashed(
        try Corpus(path(corpus)), try HashSplit(seed: 1, validation: 0.05, test: 0.05)))
    options.codec = try CodecRegistry.builtIn.choice("float32")
    return options
  }

  /// Precomputes to the end, or until `stop` passes are done.
  @discardableResult
  func run(_ options: PrecomputeOptions, stop: Int = .max) throws -> PrecomputeReport {
    var passes = 0
    return try Precompute(options).run { _, _ in
      passes += 1
    } shouldStop: {
      passes > stop
    }
  }

  func digest(_ cache: String) throws -> String {
    let cache = try FeatureCache.open(path(cache))
    defer { try? cache.close() }
    #expect(try cache.verify().isEmpty)
    return try cache.contentDigest()
  }
}
