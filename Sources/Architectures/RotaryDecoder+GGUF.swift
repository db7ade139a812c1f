import Layers
import ModelFiles

extension RotaryDecoder {
  /// Reads the metadata of a GGUF file of a family whose keys begin with `name`. Any key of the
  /// architecture and any tensor that is not known here is refused by its name: it may change the
  /// result.
  init(
    gguf: GGUFFile, _ name: String, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) {
    self.traits = traits
    let reader = GGUFConfigurationReader(gguf, name)
    try Self.refuseUnimplemented(reader, traits)
    biases = traits.choosesBiases ? Self.biases(gguf) : traits.biases
    let vocabularySize = try reader.vocabularySize()
    let hiddenSize = try reader.integer("embedding_length")
    let headCount = try reader.uniformInteger("attention.head_count")
    let headSize = try reader.headSize(width: hiddenSize, heads: headCount)
    let positions = try reader.integer("context_length")
    let layerCount = try reader.integer("block_count")
    try Checks.require("layer count", layerCount, in: 1...Checks.mostLayers, file: gguf.path)
    let (rotary, longest) = try reader.rotation(headSize: headSize, positions: positions, traits)
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      intermediateSize: try reader.uniformInteger("feed_forward_length"),
      layerCount: layerCount, headCount: headCount,
      keyValueHeadCount: reader.has("attention.head_count_kv")
        ? try reader.uniformInteger("attention.head_count_kv") : headCount,
      headSize: headSize, vocabularySize: vocabularySize,
      maximumPositions: min(positions, longest))
    self.rotary = rotary
    if let theta = traits.localTheta {
      localRotary = RotaryDescription(theta: try reader.float("rope.freq_base_swa") ?? theta)
    }
    windows = try reader.windows(traits.windows, layers: layerCount)
    rmsNormEpsilon = try reader.requiredFloat("attention.layer_norm_rms_epsilon")
    tiedEmbeddings = !gguf.tensors.contains { $0.name == "output.weight" }
    if traits.capsLogits {
      if layerCount == traits.layersOfScaledQueries, headCount > 0 {
        queryScalar = Float(hiddenSize / headCount)
      }
      logitSoftCap = try reader.float("final_logit_softcapping")
    }
    if traits.capsScores { attentionSoftCap = try reader.float("attn_logit_softcapping") }
    beginTokenID = try reader.tokenID("tokenizer.ggml.bos_token_id")
    endTokenIDs = try reader.tokenID("tokenizer.ggml.eos_token_id").map { [$0] } ?? []
    try validate(file: gguf.path)
  }

  /// Modules by the biases that a model may choose to have.
  private static let choices: [(biases: ProjectionBiases, modules: Set<String>)] = [
    (.attention, ["attn_q", "attn_k", "attn_v", "attn_output"]),
    (.feedForward, ["ffn_gate", "ffn_up", "ffn_down"]),
  ]

  /// Those that any tensor is of: where others of them are missing, reading the weights says which.
  private static func biases(_ gguf: GGUFFile) -> ProjectionBiases {
    let found = Set(
      gguf.tensors.filter { $0.name.hasSuffix(".bias") }.compactMap {
        $0.name.split(separator: ".").dropLast().last.map(String.init)
      })
    return choices.reduce(into: []) {
      if !$1.modules.isDisjoint(with: found) { $0.formUnion($1.biases) }
    }
  }

  /// Keys of the architecture that are read, or that say nothing about the arithmetic.
  private static let knownKeys: Set<String> = [
    "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv", "attention.layer_norm_rms_epsilon",
    "attention.key_length", "attention.value_length", "rope.freq_base", "rope.dimension_count",
    "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length",
    "rope.scaling.attn_factor", "rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "tensor_data_layout",
  ]

  private static func refuseUnimplemented(
    _ reader: GGUFConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) {
    var known = knownKeys
    if traits.windows != .none && traits.windows != .upperLayers {
      known.formUnion(["attention.sliding_window", "attention.sliding_window_pattern"])
    }
    if traits.localTheta != nil { known.insert("rope.freq_base_swa") }
    if traits.capsLogits { known.insert("final_logit_softcapping") }
    if traits.capsScores { known.insert("attn_logit_softcapping") }
    try reader.refuseKeys(except: known)
    let names = traits.normsOutputs ? ggufNamesAround : ggufNames
    var refused: Set<String> = []
    if !traits.normsHeads { refused.formUnion(["attn_q_norm", "attn_k_norm"]) }
    if traits.isFused {
      refused.formUnion(["attn_q", "attn_k", "attn_v", "ffn_gate"])
    } else {
      refused.insert("attn_qkv")
    }
    var biased: Set<String> =
      traits.biases.contains(.attentionInputs) ? ["attn_q", "attn_k", "attn_v"] : []
    if traits.choosesBiases { for choice in choices { biased.formUnion(choice.modules) } }
    try reader.refuseTensors { tensor in
      let module = tensor.split(separator: ".").dropLast().last.map(String.init) ?? ""
      return ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]
        .contains(tensor)
        || names.has(tensor) && !refused.contains(module)
          && (!tensor.hasSuffix(".bias") || biased.contains(module))
    }
  }
}
