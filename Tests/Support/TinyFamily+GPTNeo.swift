extension TinyFamily {
  /// Global and local layers in turn, a window of 8.
  package static let gptNeo = TinyFamily(name: "gpt_neo") { shape in
    let kinds = (0..<shape.layers).map { $0 % 2 == 0 ? "global" : "local" }
    return [
      "model_type": "gpt_neo", "activation_function": "gelu_new", "hidden_size": shape.width,
      "num_layers": shape.layers, "num_heads": shape.heads,
      "attention_types": kinds.map { [[$0], 1] as [Any] }, "window_size": 8,
      "max_position_embeddings": shape.positions, "vocab_size": shape.vocabulary,
      "layer_norm_epsilon": shape.epsilon, "intermediate_size": shape.inner,
      "tie_word_embeddings": shape.isTied, "bos_token_id": 0, "eos_token_id": 0,
    ]
  } tensors: { shape in
    func norm(_ name: String) -> [Tensor] {
      [
        Tensor(name + ".weight", [shape.width], .norm),
        Tensor(name + ".bias", [shape.width], .bias),
      ]
    }
    var tensors =
      [
        Tensor("transformer.wte.weight", [shape.vocabulary, shape.width], .embedding),
        Tensor("transformer.wpe.weight", [shape.positions, shape.width], .embedding),
      ] + norm("transformer.ln_f")
    if !shape.isTied { tensors.append(Tensor("lm_head.weight", [shape.vocabulary, shape.width])) }
    for layer in 0..<shape.layers {
      let prefix = "transformer.h.\(layer)."
      tensors += norm(prefix + "ln_1") + norm(prefix + "ln_2")
      for name in ["k", "v", "q"] {
        tensors.append(
          Tensor(prefix + "attn.attention.\(name)_proj.weight", [shape.width, shape.width]))
      }
      tensors += [
        Tensor(prefix + "attn.attention.out_proj.weight", [shape.width, shape.width]),
        Tensor(prefix + "attn.attention.out_proj.bias", [shape.width], .bias),
        Tensor(prefix + "mlp.c_fc.weight", [shape.inner, shape.width]),
        Tensor(prefix + "mlp.c_fc.bias", [shape.inner], .bias),
        Tensor(prefix + "mlp.c_proj.weight", [shape.width, shape.inner]),
        Tensor(prefix + "mlp.c_proj.bias", [shape.width], .bias),
      ]
    }
    return tensors
  }
}
