/// Keys of `config.json` that change the result and are not implemented.
extension TransformerConfiguration {
  static func refuseUnimplemented(
    _ reader: ConfigurationReader, _ architecture: Architecture
  ) throws(ModelFileError) {
    let classes: Set<String> =
      switch architecture {
      case .llama: ["LlamaForCausalLM", "LlamaModel"]
      case .qwen2: ["Qwen2ForCausalLM", "Qwen2Model"]
      case .gptNeo: ["GPTNeoForCausalLM", "GPTNeoModel"]
      }
    for name in try reader.strings("architectures") ?? [] where !classes.contains(name) {
      throw reader.unsupported(
        "architectures", .string(name), supported: classes.sorted().joined(separator: " or "))
    }
    try reader.refuse("quantization_config", unless: { _ in false }, supported: "plain weights")
    for key in ["is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"] {
      try reader.refuse(key, unless: isFalse, supported: "\(key) false")
    }
    if architecture == .gptNeo {
      try reader.refuse(
        "activation_function", unless: { isText($0, "gelu_new") },
        supported: "activation_function gelu_new")
    }
  }

  static func refuseUnimplementedRotary(
    _ reader: ConfigurationReader, _ architecture: Architecture
  ) throws(ModelFileError) {
    try reader.refuse(
      "hidden_act", unless: { isText($0, "silu") || isText($0, "swish") },
      supported: "hidden_act silu")
    try reader.refuse("mlp_bias", unless: isFalse, supported: "mlp_bias false")
    // Llama's would put a bias on the output projection too; Qwen2 has biases whatever it says.
    if architecture == .llama {
      try reader.refuse("attention_bias", unless: isFalse, supported: "attention_bias false")
    } else {
      try reader.refuse("attention_bias", unless: isTrue, supported: "attention_bias absent")
    }
    try reader.refuse("pretraining_tp", unless: { isNumber($0, 1) }, supported: "pretraining_tp 1")
    try reader.refuse(
      "partial_rotary_factor", unless: { isNumber($0, 1) }, supported: "partial_rotary_factor 1")
    for key in ["num_local_experts", "num_experts"] {
      try reader.refuse(key, unless: { isNumber($0, 0) }, supported: "no experts")
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
      try reader.refuse(key, unless: { _ in false }, supported: "\(key) null")
    }
    try reader.refuse(
      "use_sliding_window", unless: isFalse, supported: "use_sliding_window false")
    try refuseLayerTypes(reader)
    for key in ["rope_scaling", "rope_parameters"] { try refuseRotation(reader, key) }
  }

  private static func refuseLayerTypes(_ reader: ConfigurationReader) throws(ModelFileError) {
    guard let types = try reader.strings("layer_types") else { return }
    for type in types where type != "full_attention" {
      throw reader.unsupported(
        "layer_types", .string(type), supported: "layer_types full_attention throughout")
    }
    let layerCount = try reader.requiredInteger("num_hidden_layers")
    guard types.count == layerCount else {
      throw .malformed(
        file: reader.file, item: "layer_types", expected: "\(layerCount) layers",
        found: "\(types.count)")
    }
  }

  /// Rotary embedding is implemented as it was first published: whole heads, unscaled angles.
  private static func refuseRotation(
    _ reader: ConfigurationReader, _ key: String
  ) throws(ModelFileError) {
    guard let value = reader.value(key) else { return }
    guard case .object(let parameters) = value else {
      throw reader.unsupported(key, value, supported: "\(key) absent or of rope_type default")
    }
    for (name, value) in parameters.members {
      switch (name, value) {
      case (_, .null), ("rope_theta", _): continue
      case ("rope_type", _) where isText(value, "default"),
        ("type", _) where isText(value, "default"),
        ("partial_rotary_factor", _) where isNumber(value, 1):
        continue
      default:
        throw reader.unsupported(
          "\(key).\(name)", value, supported: "\(key) of rope_type default alone")
      }
    }
  }

  private static func isFalse(_ value: JSONValue) -> Bool {
    if case .bool(false) = value { true } else { false }
  }

  private static func isTrue(_ value: JSONValue) -> Bool {
    if case .bool(true) = value { true } else { false }
  }

  private static func isText(_ value: JSONValue, _ text: String) -> Bool {
    if case .string(text) = value { true } else { false }
  }

  private static func isNumber(_ value: JSONValue, _ number: Int) -> Bool {
    switch value {
    case .integer(let integer): integer == number
    case .number(let double): double == Double(number)
    default: false
    }
  }
}
