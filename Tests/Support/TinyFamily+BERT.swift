extension TinyFamily {
  /// An encoder: every token sees the whole document. Its names are those of a bare model.
  package static let bert = TinyFamily(name: "bert") { shape in
    [
      "model_type": "bert", "hidden_act": "gelu", "hidden_size": shape.width,
      "intermediate_size": shape.inner, "num_hidden_layers": shape.layers,
      "num_attention_heads": shape.heads, "max_position_embeddings": shape.positions,
      "vocab_size": shape.vocabulary, "type_vocab_size": 2, "layer_norm_eps": shape.epsilon,
    ]
  } tensors: { shape in
    func norm(_ name: String) -> [Tensor] {
      [
        Tensor(name + ".weight", [shape.width], .norm),
        Tensor(name + ".bias", [shape.width], .bias),
      ]
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [Tensor] {
      [Tensor(name + ".weight", [outputs, inputs]), Tensor(name + ".bias", [outputs], .bias)]
    }
    var tensors =
      [
        Tensor("embeddings.word_embeddings.weight", [shape.vocabulary, shape.width], .embedding),
        Tensor(
          "embeddings.position_embeddings.weight", [shape.positions, shape.width], .embedding),
        Tensor("embeddings.token_type_embeddings.weight", [2, shape.width], .embedding),
      ] + norm("embeddings.LayerNorm")
    for layer in 0..<shape.layers {
      let prefix = "encoder.layer.\(layer)."
      for name in ["query", "key", "value"] {
        tensors += linear(prefix + "attention.self.\(name)", shape.width, shape.width)
      }
      tensors += linear(prefix + "attention.output.dense", shape.width, shape.width)
      tensors += norm(prefix + "attention.output.LayerNorm")
      tensors += linear(prefix + "intermediate.dense", shape.width, shape.inner)
      tensors += linear(prefix + "output.dense", shape.inner, shape.width)
      tensors += norm(prefix + "output.LayerNorm")
    }
    return tensors
  }
}
