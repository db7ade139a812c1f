import Layers
import ModelFiles

extension RotaryDecoder {
  /// From scratch: an inner width of 8/3 of the width in steps of 32, the family's base of angles, and the
  /// embedding as the output head.
  init(design: BackboneDesign, _ traits: RotaryDecoderTraits) throws(ModelFileError) {
    let file = GeneratorLimits.flags
    for (key, size) in [("width", design.width), ("heads", design.heads)] {
      try GeneratorLimits.requireSize(key, size, file: file)
    }
    try GeneratorLimits.require(
      design.width <= Checks.widest, "width", "at most \(Checks.widest)", "\(design.width)",
      file: file)
    try GeneratorLimits.require(
      design.width % (2 * design.heads) == 0, "heads",
      "a divisor of half the width, \(design.width / 2): rotary positions turn pairs of a head",
      "\(design.heads)", file: file)
    let keyValueHeads = design.keyValueHeads ?? design.heads
    try GeneratorLimits.require(
      keyValueHeads > 0 && design.heads % keyValueHeads == 0, "key_value_heads",
      "a divisor of the \(design.heads) heads", "\(keyValueHeads)", file: file)
    try self.init(
      TransformerSizes(
        hiddenSize: design.width, intermediateSize: (design.width * 8 / 3 + 31) / 32 * 32,
        layerCount: design.layers, headCount: design.heads,
        keyValueHeadCount: keyValueHeads,
        headSize: design.width / design.heads, vocabularySize: design.vocabulary,
        maximumPositions: design.positions),
      epsilon: 1e-5, tied: true, traits, file: file
    ) { decoder in
      decoder.rotary.theta = traits.theta
      decoder.windows = Self.windows(design, traits)
      decoder.localRotary = traits.localTheta.map { RotaryDescription(theta: $0) }
    }
  }

  private static func windows(_ design: BackboneDesign, _ traits: RotaryDecoderTraits) -> [Int?] {
    let layers = 0..<min(max(design.layers, 0), GeneratorLimits.mostLayers)
    switch traits.windows {
    case .none, .upperLayers, .everyLayer(absent: nil): return []
    case .everyLayer: return layers.map { _ in design.window }
    case .pattern(let period, _):
      return layers.map { ($0 + 1) % period != 0 ? design.window : nil }
    }
  }

  init(
    checkpoint reader: ConfigurationReader, _ traits: RotaryDecoderTraits
  ) throws(ModelFileError) {
    let epsilon = try reader.requiredFloat("rms_norm_epsilon")
    let theta = try reader.requiredFloat("rope_theta")
    let tied = try reader.requiredBool("tied_head")
    let sizes = TransformerSizes(
      hiddenSize: try reader.requiredInteger("width"),
      intermediateSize: try reader.requiredInteger("intermediate_width"),
      layerCount: try reader.requiredInteger("layers"),
      headCount: try reader.requiredInteger("heads"),
      keyValueHeadCount: try reader.requiredInteger("key_value_heads"),
      headSize: try reader.requiredInteger("head_size"),
      vocabularySize: try reader.requiredInteger("vocabulary"),
      maximumPositions: try reader.requiredInteger("positions"))
    try self.init(sizes, epsilon: epsilon, tied: tied, traits, file: reader.file) {
      decoder throws(ModelFileError) in
      if traits.choosesBiases {
        decoder.biases = try Self.chosenBiases(reader, traits)
      }
      let dimensions = try reader.integer("rotary_channels")
      decoder.rotary = RotaryDescription(theta: theta, dimensions: dimensions)
      if let value = reader.value("rope_scaling") {
        let scaling = RotaryScalingReader(
          try ConfigurationReader(value, file: reader.file), "rope_scaling", theta: theta,
          dimensions: dimensions ?? sizes.headSize, positions: sizes.maximumPositions,
          original: nil, names: [:])
        decoder.rotary.scaling = try scaling.scaling().scaling
      }
      if let windows = try reader.integers("windows") {
        try Checks.require(
          "windows: their layers", windows.count, in: sizes.layerCount...sizes.layerCount,
          file: reader.file)
        decoder.windows = windows.map { $0 == 0 ? nil : $0 }
      } else if traits.alwaysSaysWindows {
        throw reader.missing("windows")
      }
      if traits.localTheta != nil {
        decoder.localRotary = RotaryDescription(
          theta: try reader.requiredFloat("local_rope_theta"))
      }
      decoder.queryScalar = try reader.float("query_scalar")
      decoder.attentionSoftCap = try reader.float("attention_soft_cap")
      decoder.logitSoftCap = try reader.float("logit_soft_cap")
    }
  }

  private init(
    _ sizes: TransformerSizes, epsilon: Float, tied: Bool, _ traits: RotaryDecoderTraits,
    file: String, _ change: (inout RotaryDecoder) throws(ModelFileError) -> Void
  ) throws(ModelFileError) {
    for (key, size) in [
      ("width", sizes.hiddenSize), ("heads", sizes.headCount),
      ("key_value_heads", sizes.keyValueHeadCount), ("head_size", sizes.headSize),
      ("intermediate_width", sizes.intermediateSize), ("vocabulary", sizes.vocabularySize),
      ("positions", sizes.maximumPositions),
    ] {
      try GeneratorLimits.requireSize(key, size, file: file)
    }
    try GeneratorLimits.require(
      (1...GeneratorLimits.mostLayers).contains(sizes.layerCount), "layers",
      "1 to \(GeneratorLimits.mostLayers) layers", "\(sizes.layerCount)", file: file)
    self.traits = traits
    self.sizes = sizes
    biases = traits.biases
    rmsNormEpsilon = epsilon
    rotary = RotaryDescription(theta: traits.theta)
    tiedEmbeddings = tied
    beginTokenID = nil
    endTokenIDs = []
    try change(&self)
    try validate(file: file)
  }

  var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    var members: [(key: String, value: any Encodable & Sendable)] = [
      ("head_size", sizes.headSize), ("heads", sizes.headCount),
      ("intermediate_width", sizes.intermediateSize), ("key_value_heads", sizes.keyValueHeadCount),
      ("layers", sizes.layerCount), ("positions", sizes.maximumPositions),
      ("rms_norm_epsilon", rmsNormEpsilon), ("rope_theta", ropeTheta),
      ("tied_head", tiedEmbeddings), ("vocabulary", sizes.vocabularySize),
      ("width", sizes.hiddenSize),
    ]
    members += chosenBiases
    if let dimensions = rotary.dimensions { members.append(("rotary_channels", dimensions)) }
    if let scaling = rotary.scaling.text(positions: sizes.maximumPositions) {
      members.append(("rope_scaling", scaling))
    }
    if !windows.isEmpty || traits.alwaysSaysWindows {
      members.append(("windows", (0..<sizes.layerCount).map { window($0) ?? 0 }))
    }
    if traits.localTheta != nil {
      members.append(("local_rope_theta", (localRotary ?? rotary).theta))
    }
    if let queryScalar { members.append(("query_scalar", queryScalar)) }
    if let attentionSoftCap { members.append(("attention_soft_cap", attentionSoftCap)) }
    if let logitSoftCap { members.append(("logit_soft_cap", logitSoftCap)) }
    return members
  }

  func huggingFaceMembers(
    _ modelType: String, architecture: String
  ) -> [(key: String, value: any Encodable & Sendable)] {
    var members: [(key: String, value: any Encodable & Sendable)] = [
      ("architectures", [architecture]), ("head_dim", sizes.headSize),
      (traits.activation.key, traits.activation.values[0]),
      ("hidden_size", sizes.hiddenSize), ("intermediate_size", sizes.intermediateSize),
      ("max_position_embeddings", sizes.maximumPositions), ("model_type", modelType),
      ("num_attention_heads", sizes.headCount), ("num_hidden_layers", sizes.layerCount),
      ("num_key_value_heads", sizes.keyValueHeadCount), ("rms_norm_eps", rmsNormEpsilon),
      ("rope_theta", ropeTheta), ("tie_word_embeddings", tiedEmbeddings),
      ("vocab_size", sizes.vocabularySize),
    ]
    members += chosenBiases
    if let dimensions = rotary.dimensions {
      members.append(("partial_rotary_factor", Double(dimensions) / Double(sizes.headSize)))
    }
    if let scaling = rotary.scaling.text(positions: sizes.maximumPositions) {
      members.append(("rope_scaling", scaling))
      if case .factors = rotary.scaling, traits.saysOriginalPositions {
        members.append(("original_max_position_embeddings", sizes.maximumPositions))
      }
    }
    if traits.localTheta != nil {
      members.append(("rope_local_base_freq", (localRotary ?? rotary).theta))
    }
    if traits.capsLogits {
      members.append(("query_pre_attn_scalar", queryScalar ?? Float(sizes.headSize)))
      // Absent they would be transformers' own.
      members.append(("final_logit_softcapping", logitSoftCap))
      if traits.capsScores { members.append(("attn_logit_softcapping", attentionSoftCap)) }
    }
    return members + windowMembers
  }

  /// Said where there are such: an absent key is `false`, here and in transformers.
  private var chosenBiases: [(key: String, value: any Encodable & Sendable)] {
    [("attention_bias", .attention), ("mlp_bias", .feedForward)].compactMap {
      (key: String, biases: ProjectionBiases) in
      traits.choosesBiases && self.biases.contains(biases) ? (key, true) : nil
    }
  }

  private var windowMembers: [(key: String, value: any Encodable & Sendable)] {
    let window = windows.compactMap(\.self).first
    let types = (0..<sizes.layerCount).map {
      self.window($0) == nil ? "full_attention" : "sliding_attention"
    }
    switch traits.windows {
    case .none: return []
    case .everyLayer: return [("sliding_window", window)]
    case .upperLayers:
      guard let window else { return [("use_sliding_window", false)] }
      return [("layer_types", types), ("sliding_window", window), ("use_sliding_window", true)]
    case .pattern:
      return [
        ("layer_types", types), ("sliding_window", window ?? sizes.maximumPositions),
      ]
    }
  }
}
