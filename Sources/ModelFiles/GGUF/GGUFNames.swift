/// GGUF's tensor names of the llama and qwen2 architectures, as Hugging Face has them.
package enum GGUFNames {
  /// The Hugging Face name, or nil for a tensor those architectures do not have.
  package static func huggingFaceName(_ name: String) -> String? {
    switch name {
    case "token_embd.weight": return "model.embed_tokens.weight"
    case "output_norm.weight": return "model.norm.weight"
    case "output.weight": return "lm_head.weight"
    default: break
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0,
      parts[1] == String(layer), let module = modules[String(parts[2])],
      parts[3] == "weight" || parts[3] == "bias" && module.hasSuffix("_proj")
    else { return nil }
    return "model.layers.\(layer).\(module).\(parts[3])"
  }

  private static let modules = [
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
  ]
}
