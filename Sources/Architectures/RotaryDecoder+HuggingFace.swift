import Layers
import ModelFiles

extension RotaryDecoder {
  /// Reads the keys that these families share, in the spellings of transformers 4 and 5. Defaults are those of
  /// transformers.
  init(
    _ reader: ConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) {
    self.traits = traits
    try Self.refuseUnimplemented(reader, traits)
    biases = try Self.biases(reader, traits)
    let hiddenSize = try reader.requiredInteger("hidden_size")
    let layerCount = try reader.requiredInteger("num_hidden_layers")
    try Checks.require("layer count", layerCount, in: 1...Checks.mostLayers, file: reader.file)
    let headCount = try reader.requiredInteger("num_attention_heads")
    let positions = try reader.requiredInteger("max_position_embeddings")
    try Checks.require(
      "maximum positions", positions, in: 1...Checks.mostPositions, file: reader.file)
    let headSize = try Checks.headSize(
      reader, width: hiddenSize, heads: headCount, key: "num_attention_heads",
      usual: traits.headSize)
    let rotation = RotationReader(reader, headSize: headSize, positions: positions, traits)
    let (rotary, longest) = try rotation.rotation()
    sizes = TransformerSizes(
      hiddenSize: hiddenSize, intermediateSize: try reader.requiredInteger("intermediate_size"),
      layerCount: layerCount, headCount: headCount,
      keyValueHeadCount: traits.requiresKeyValueHeads
        ? try reader.requiredInteger("num_key_value_heads")
        : try reader.integer("num_key_value_heads") ?? headCount,
      headSize: headSize, vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: min(positions, longest))
    self.rotary = rotary
    localRotary = try rotation.localRotation()
    windows = try Self.windows(reader, traits.windows, layers: layerCount)
    rmsNormEpsilon = try reader.float("rms_norm_eps") ?? traits.epsilon
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? traits.tiesEmbeddings
    if traits.capsLogits {
      queryScalar = try reader.float("query_pre_attn_scalar") ?? 256
      logitSoftCap = try reader.float("final_logit_softcapping")
    }
    if traits.capsScores { attentionSoftCap = try reader.float("attn_logit_softcapping") }
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
    try validate(file: reader.file)
  }

  private static func biases(
    _ reader: ConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) -> ProjectionBiases {
    guard traits.choosesBiases else {
      let isBiased = traits.biases.contains(.attentionInputs)
      try reader.refuse(
        "attention_bias", unless: isBiased ? Checks.isTrue : Checks.isFalse,
        supported: "attention_bias \(isBiased ? "absent" : "false")")
      try reader.refuse("mlp_bias", unless: Checks.isFalse, supported: "mlp_bias false")
      return traits.biases
    }
    return try chosenBiases(reader, traits)
  }

  /// By the keys that a `config.json` and a checkpoint's have in common.
  static func chosenBiases(
    _ reader: ConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) -> ProjectionBiases {
    traits.biases
      .union(try reader.bool("attention_bias") ?? false ? .attention : [])
      .union(try reader.bool("mlp_bias") ?? false ? .feedForward : [])
  }

  private static func refuseUnimplemented(
    _ reader: ConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) {
    let (key, values) = (traits.activation.key, traits.activation.values)
    try reader.refuse(
      key, unless: { value in values.contains { Checks.isText(value, $0) } },
      supported: "\(key) \(values[0])")
    try reader.refuse(
      "pretraining_tp", unless: { Checks.isNumber($0, 1) }, supported: "pretraining_tp 1")
    for key in ["num_local_experts", "num_experts"] {
      try reader.refuse(key, unless: { Checks.isNumber($0, 0) }, supported: "no experts")
    }
    for (key, isKnown) in [
      ("attn_logit_softcapping", traits.capsScores), ("final_logit_softcapping", traits.capsLogits),
    ] where !isKnown {
      try reader.refuse(key, unless: { _ in false }, supported: "\(key) null")
    }
  }
}
