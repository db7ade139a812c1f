import ModelFiles

extension RotaryDecoder {
  /// Reads the keys that these families share. Both spellings of the rotary base are read: `rope_theta`,
  /// and `rope_parameters` of transformers 5. Defaults are those of transformers.
  ///
  /// - Parameters:
  ///   - requiresKeyValueHeads: whether their number has no default.
  ///   - attentionBias: whether query, key and value have biases.
  init(
    _ reader: ConfigurationReader, requiresKeyValueHeads: Bool, attentionBias: Bool
  ) throws(ModelFileError) {
    try Self.refuseUnimplemented(reader)
    let hiddenSize = try reader.requiredInteger("hidden_size")
    let intermediateSize = try reader.requiredInteger("intermediate_size")
    let layerCount = try reader.requiredInteger("num_hidden_layers")
    let headCount = try reader.requiredInteger("num_attention_heads")
    let keyValueHeadCount =
      requiresKeyValueHeads
      ? try reader.requiredInteger("num_key_value_heads")
      : try reader.integer("num_key_value_heads") ?? headCount
    sizes = TransformerSizes(
      hiddenSize: hiddenSize, intermediateSize: intermediateSize, layerCount: layerCount,
      headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      headSize: try Checks.headSize(
        reader, width: hiddenSize, heads: headCount, key: "num_attention_heads"),
      vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: try reader.requiredInteger("max_position_embeddings"))
    rmsNormEpsilon = try reader.float("rms_norm_eps") ?? 1e-6
    ropeTheta = try Self.ropeTheta(reader)
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? false
    self.attentionBias = attentionBias
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
    try validate(file: reader.file)
  }

  /// `rope_theta` at the top or within `rope_parameters`; where both are, they must agree.
  private static func ropeTheta(_ reader: ConfigurationReader) throws(ModelFileError) -> Float {
    let outer = try reader.float("rope_theta")
    guard let parameters = reader.value("rope_parameters") else { return outer ?? 10_000 }
    let inner = try ConfigurationReader(parameters, file: reader.file).float("rope_theta")
    if let outer, let inner, outer != inner {
      throw .malformed(
        file: reader.file, item: "rope_parameters.rope_theta", expected: "rope_theta's \(outer)",
        found: "\(inner)")
    }
    return inner ?? outer ?? 10_000
  }

  private static func refuseUnimplemented(
    _ reader: ConfigurationReader
  ) throws(ModelFileError) {
    try reader.refuse(
      "hidden_act", unless: { Checks.isText($0, "silu") || Checks.isText($0, "swish") },
      supported: "hidden_act silu")
    try reader.refuse("mlp_bias", unless: Checks.isFalse, supported: "mlp_bias false")
    try reader.refuse(
      "pretraining_tp", unless: { Checks.isNumber($0, 1) }, supported: "pretraining_tp 1")
    try reader.refuse(
      "partial_rotary_factor", unless: { Checks.isNumber($0, 1) },
      supported: "partial_rotary_factor 1")
    for key in ["num_local_experts", "num_experts"] {
      try reader.refuse(key, unless: { Checks.isNumber($0, 0) }, supported: "no experts")
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
      try reader.refuse(key, unless: { _ in false }, supported: "\(key) null")
    }
    try reader.refuse(
      "use_sliding_window", unless: Checks.isFalse, supported: "use_sliding_window false")
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
      case ("rope_type", _) where Checks.isText(value, "default"),
        ("type", _) where Checks.isText(value, "default"),
        ("partial_rotary_factor", _) where Checks.isNumber(value, 1):
        continue
      default:
        throw reader.unsupported(
          "\(key).\(name)", value, supported: "\(key) of rope_type default alone")
      }
    }
  }
}
