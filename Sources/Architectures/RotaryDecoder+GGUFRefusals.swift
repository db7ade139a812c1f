import ModelFiles

/// Metadata and tensors of a GGUF file that change the result and are not implemented.
extension RotaryDecoder {
  /// Keys of the architecture that are read, or that say nothing about the arithmetic.
  private static let knownKeys: Set<String> = [
    "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon",
    "attention.key_length", "attention.value_length", "rope.freq_base", "rope.dimension_count",
    "tensor_data_layout",
  ]

  static func refuseUnimplemented(
    _ gguf: GGUFFile, _ name: String, hasBiases: Bool
  ) throws(ModelFileError) {
    let context = gguf.metadata["\(name).context_length"]?.integer
    for key in gguf.keys where key.hasPrefix("\(name).") {
      guard let value = gguf.metadata[key] else { continue }
      let suffix = String(key.dropFirst(name.count + 1))
      guard knownKeys.contains(suffix) || isNeutral(suffix, value, context: context) else {
        throw .unsupported(
          file: gguf.path, item: "metadata key \(key)", found: value.description,
          supported: "\(key) absent")
      }
    }
    if let parts = gguf.metadata["split.count"]?.integer, parts > 1 {
      throw .unsupported(
        file: gguf.path, item: "metadata key split.count", found: "\(parts)",
        supported: "one file: merge the parts with llama-gguf-split --merge")
    }
    for tensor in gguf.tensors {
      // Biases are of query, key and value alone.
      let isKnown =
        GGUFNames.huggingFaceName(tensor.name) != nil
        && (!tensor.name.hasSuffix(".bias")
          || hasBiases && !tensor.name.hasSuffix("attn_output.bias"))
      guard isKnown else {
        throw .unsupported(
          file: gguf.path, item: "tensor \(tensor.name)", found: "part of the model",
          supported: "the \(name) architecture's own tensors alone")
      }
    }
  }

  /// Whether a key, which other models give another meaning, has the value that means nothing.
  private static func isNeutral(_ suffix: String, _ value: GGUFValue, context: Int64?) -> Bool {
    switch suffix {
    case "rope.scaling.type":
      return value == .string(Array("none".utf8))
    case "rope.scaling.factor", "rope.scaling.attn_factor", "rope.scale_linear":
      return value.number == 1
    case "rope.scaling.finetuned":
      return value == .bool(false)
    case "expert_count", "expert_used_count":
      return value.integer == 0
    case "attention.causal":
      return value == .bool(true)
    case "attention.sliding_window":
      // A window no shorter than the context hides nothing.
      guard let window = value.integer, let context else { return false }
      return window == 0 || window >= context
    default:
      return false
    }
  }
}
