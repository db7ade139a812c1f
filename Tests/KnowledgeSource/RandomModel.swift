import Foundation
import KnowledgeSource
import ModelFiles
import Numerics

/// A small random model of one family, written to a folder of its own as Hugging Face would, and
/// removed with it.
final class RandomModel {
  enum Family: String, CaseIterable, CustomStringConvertible {
    case llama
    case qwen2
    /// As many key-value heads as heads, a head size that is no multiple of 16, an untied head.
    case odd

    var description: String { rawValue }
  }

  let folder: URL
  var configuration: [String: Any]
  var tensors: [String: Tensor] = [:]

  typealias Tensor = (name: String, shape: [Int], values: UnsafeBufferPointer<Float>)

  init(_ family: Family, seed: UInt64 = 1) throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-source-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (heads, keyValueHeads, headSize) =
      switch family {
      case .llama: (6, 2, 16)
      case .qwen2: (4, 1, 24)
      case .odd: (3, 3, 10)
      }
    let (width, inner, layers, vocabulary) = (40, 72, 3, 53)
    configuration = [
      "model_type": family == .qwen2 ? "qwen2" : "llama", "hidden_act": "silu",
      "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
      "num_attention_heads": heads, "num_key_value_heads": keyValueHeads, "head_dim": headSize,
      "vocab_size": vocabulary, "max_position_embeddings": 96, "rms_norm_eps": 1e-6,
      "rope_theta": 10000.0, "tie_word_embeddings": family != .odd,
    ]
    var generator = SeededGenerator(seed: seed)
    func add(_ name: String, _ shape: [Int], around center: Float = 0, spread: Float = 0.2) {
      set(name, shape) { center + spread * generator.normal() }
    }
    add("model.embed_tokens.weight", [vocabulary, width], spread: 1)
    add("model.norm.weight", [width], around: 1)
    if family == .odd { add("lm_head.weight", [vocabulary, width]) }
    for layer in 0..<layers {
      let prefix = "model.layers.\(layer)."
      add("\(prefix)input_layernorm.weight", [width], around: 1)
      add("\(prefix)post_attention_layernorm.weight", [width], around: 1)
      for (name, rows) in [("q", heads), ("k", keyValueHeads), ("v", keyValueHeads)] {
        add("\(prefix)self_attn.\(name)_proj.weight", [rows * headSize, width])
        if family == .qwen2 {
          add("\(prefix)self_attn.\(name)_proj.bias", [rows * headSize])
        }
      }
      add("\(prefix)self_attn.o_proj.weight", [width, heads * headSize])
      add("\(prefix)mlp.gate_proj.weight", [inner, width])
      add("\(prefix)mlp.up_proj.weight", [inner, width])
      add("\(prefix)mlp.down_proj.weight", [width, inner])
    }
  }

  deinit {
    for tensor in tensors.values { tensor.values.deallocate() }
    try? FileManager.default.removeItem(at: folder)
  }

  /// Adds or replaces a tensor.
  func set(_ name: String, _ shape: [Int], _ value: () -> Float) {
    tensors[name]?.values.deallocate()
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
    for index in values.indices { values.initializeElement(at: index, to: value()) }
    tensors[name] = (name, shape, UnsafeBufferPointer(values))
  }

  /// Writes the files and opens them.
  func source(_ precision: Precision = .float32) throws -> DecoderSource {
    try JSONSerialization.data(withJSONObject: configuration)
      .write(to: folder.appendingPathComponent("config.json"))
    try SafetensorsWriter.write(
      path: folder.appendingPathComponent("model.safetensors").path,
      tensors: Array(tensors.values))
    return try DecoderSource(ModelFolder.open(folder.path), precision: precision)
  }
}

/// Token ids drawn by a seed.
func randomDocument(_ length: Int, seed: UInt64, vocabulary: Int = 53) -> [Int32] {
  var generator = SeededGenerator(seed: seed)
  return (0..<length).map { _ in Int32(Int(generator.next() % UInt64(vocabulary))) }
}

/// Results as bits, so that equal means equal to the last one and a NaN equals itself.
extension DecoderSource {
  func bits(
    _ documents: [[Int32]], layer: Int, normalized: Bool? = nil
  ) throws -> [[UInt32]] {
    let out = FloatBuffer(count: documents.reduce(0) { $0 + $1.count } * width)
    try states(batch: documents, layer: layer, normalized: normalized, into: out.base)
    return rowsOfBits(out, documents.map(\.count), width: width)
  }
}

extension SourceSession {
  func bits(appending ids: [Int32]) throws -> [UInt32] {
    let out = FloatBuffer(count: ids.count * source.width)
    try append(ids, into: out.base)
    return out.array().map(\.bitPattern)
  }
}

/// The rows of `states`, [tokens, width], as documents of the given lengths.
func rowsOfBits(_ states: borrowing FloatBuffer, _ lengths: [Int], width: Int) -> [[UInt32]] {
  let all = states.array().map(\.bitPattern)
  var first = 0
  return lengths.map { length in
    defer { first += length * width }
    return Array(all[first..<first + length * width])
  }
}
