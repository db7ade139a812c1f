import ModelFiles

extension RotaryDecoder {
  static let ggufNames = GGUFTensorNames(
    layers: "model.layers.",
    modules: [
      "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
      "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
      "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm", "self_attn.qkv_proj": "attn_qkv",
      "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
      "mlp.gate_up_proj": "ffn_up",
    ],
    whole: [
      "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    ])

  /// The same where norms stand around each half.
  static let ggufNamesAround = GGUFTensorNames(
    layers: ggufNames.layers,
    modules: ggufNames.modules.merging([
      "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
      "post_feedforward_layernorm": "post_ffw_norm",
    ]) { $1 }, whole: ggufNames.whole)

  var ggufNames: GGUFTensorNames { traits.normsOutputs ? Self.ggufNamesAround : Self.ggufNames }

  /// Where a tensor lies: in one of several where files have them so, less 1 where norms are stored so. A GGUF
  /// file's norms are not, and its tensors have names of their own, but those of `llama` and `qwen2`, which the
  /// catalogue has under the family's.
  func part(_ name: String, isGGUF: Bool) -> TensorPart {
    var part = traits.isFused ? fused(name) : TensorPart(name)
    if isGGUF {
      part.tensor = ggufNames.stored(part.tensor) ?? part.tensor
    } else if name.hasSuffix("norm.weight") {
      part.offset = traits.normOffset
    }
    return part
  }

  private func fused(_ name: String) -> TensorPart {
    let (queries, keys) = (
      sizes.headCount * sizes.headSize, sizes.keyValueHeadCount * sizes.headSize
    )
    let all = queries + 2 * keys
    let inner = sizes.intermediateSize
    let places: [(module: String, tensor: String, rows: TensorPart.Rows)] = [
      ("self_attn.q_proj", "self_attn.qkv_proj", .init(0..<queries, of: all)),
      ("self_attn.k_proj", "self_attn.qkv_proj", .init(queries..<queries + keys, of: all)),
      ("self_attn.v_proj", "self_attn.qkv_proj", .init(queries + keys..<all, of: all)),
      ("mlp.gate_proj", "mlp.gate_up_proj", .init(0..<inner, of: 2 * inner)),
      ("mlp.up_proj", "mlp.gate_up_proj", .init(inner..<2 * inner, of: 2 * inner)),
    ]
    for (module, tensor, rows) in places where name.hasSuffix(".\(module).weight") {
      return TensorPart(name.dropLast("\(module).weight".count) + "\(tensor).weight", rows: rows)
    }
    return TensorPart(name)
  }
}
