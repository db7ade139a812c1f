extension TinyFamily {
  package static let llama = decoder("llama", biased: false)
  /// Llama with biases in its queries, keys and values.
  package static let qwen2 = decoder("qwen2", biased: true)

  private static func decoder(_ name: String, biased: Bool) -> TinyFamily {
    TinyFamily(name: name) { shape in
      [
        "model_type": name, "hidden_act": "silu", "hidden_size": shape.width,
        "intermediate_size": shape.inner, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.keyValueHeads,
        "head_dim": shape.headSize, "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions, "rms_norm_eps": shape.epsilon,
        "rope_theta": 10000.0, "tie_word_embeddings": shape.isTied, "bos_token_id": 1,
        "eos_token_id": 2,
      ]
    } tensors: { shape in
      var tensors = [
        Tensor("model.embed_tokens.weight", [shape.vocabulary, shape.width], .embedding),
        Tensor("model.norm.weight", [shape.width], .norm),
      ]
      if !shape.isTied {
        tensors.append(Tensor("lm_head.weight", [shape.vocabulary, shape.width]))
      }
      for layer in 0..<shape.layers {
        let prefix = "model.layers.\(layer)."
        tensors += [
          Tensor(prefix + "input_layernorm.weight", [shape.width], .norm),
          Tensor(prefix + "post_attention_layernorm.weight", [shape.width], .norm),
        ]
        for (name, heads) in [
          ("q", shape.heads), ("k", shape.keyValueHeads), ("v", shape.keyValueHeads),
        ] {
          let projection = prefix + "self_attn.\(name)_proj."
          tensors.append(Tensor(projection + "weight", [heads * shape.headSize, shape.width]))
          if biased { tensors.append(Tensor(projection + "bias", [heads * shape.headSize], .bias)) }
        }
        tensors += [
          Tensor(prefix + "self_attn.o_proj.weight", [shape.width, shape.heads * shape.headSize]),
          Tensor(prefix + "mlp.gate_proj.weight", [shape.inner, shape.width]),
          Tensor(prefix + "mlp.up_proj.weight", [shape.inner, shape.width]),
          Tensor(prefix + "mlp.down_proj.weight", [shape.width, shape.inner]),
        ]
      }
      return tensors
    }
  }
}
