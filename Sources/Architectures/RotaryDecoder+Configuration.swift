import ModelFiles

extension RotaryDecoder {
  /// From scratch: an inner width of 8/3 of the width in steps of 32, angles on a base of 10,000, and the
  /// embedding as the output head.
  init(design: BackboneDesign, attentionBias: Bool) throws(ModelFileError) {
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
      epsilon: 1e-5, theta: 10_000, tied: true, attentionBias: attentionBias, file: file)
  }

  init(checkpoint reader: ConfigurationReader, attentionBias: Bool) throws(ModelFileError) {
    guard let epsilon = try reader.float("rms_norm_epsilon") else {
      throw reader.missing("rms_norm_epsilon")
    }
    guard let theta = try reader.float("rope_theta") else { throw reader.missing("rope_theta") }
    guard let tied = try reader.bool("tied_head") else { throw reader.missing("tied_head") }
    try self.init(
      TransformerSizes(
        hiddenSize: try reader.requiredInteger("width"),
        intermediateSize: try reader.requiredInteger("intermediate_width"),
        layerCount: try reader.requiredInteger("layers"),
        headCount: try reader.requiredInteger("heads"),
        keyValueHeadCount: try reader.requiredInteger("key_value_heads"),
        headSize: try reader.requiredInteger("head_size"),
        vocabularySize: try reader.requiredInteger("vocabulary"),
        maximumPositions: try reader.requiredInteger("positions")),
      epsilon: epsilon, theta: theta, tied: tied, attentionBias: attentionBias, file: reader.file)
  }

  private init(
    _ sizes: TransformerSizes, epsilon: Float, theta: Float, tied: Bool, attentionBias: Bool,
    file: String
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
    self.sizes = sizes
    rmsNormEpsilon = epsilon
    ropeTheta = theta
    tiedEmbeddings = tied
    self.attentionBias = attentionBias
    beginTokenID = nil
    endTokenIDs = []
    try validate(file: file)
  }

  var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    [
      ("head_size", sizes.headSize), ("heads", sizes.headCount),
      ("intermediate_width", sizes.intermediateSize), ("key_value_heads", sizes.keyValueHeadCount),
      ("layers", sizes.layerCount), ("positions", sizes.maximumPositions),
      ("rms_norm_epsilon", rmsNormEpsilon), ("rope_theta", ropeTheta),
      ("tied_head", tiedEmbeddings), ("vocabulary", sizes.vocabularySize),
      ("width", sizes.hiddenSize),
    ]
  }

  func huggingFaceMembers(
    _ modelType: String, architecture: String
  ) -> [(key: String, value: any Encodable & Sendable)] {
    [
      ("architectures", [architecture]), ("head_dim", sizes.headSize), ("hidden_act", "silu"),
      ("hidden_size", sizes.hiddenSize), ("intermediate_size", sizes.intermediateSize),
      ("max_position_embeddings", sizes.maximumPositions), ("model_type", modelType),
      ("num_attention_heads", sizes.headCount), ("num_hidden_layers", sizes.layerCount),
      ("num_key_value_heads", sizes.keyValueHeadCount), ("rms_norm_eps", rmsNormEpsilon),
      ("rope_theta", ropeTheta), ("tie_word_embeddings", tiedEmbeddings),
      ("vocab_size", sizes.vocabularySize),
    ]
  }
}
