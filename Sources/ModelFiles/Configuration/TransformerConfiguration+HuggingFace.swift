extension TransformerConfiguration {
  /// Reads a Hugging Face `config.json`. Both spellings of the rotary base are read: `rope_theta`,
  /// and `rope_parameters` of transformers 5. Defaults are those of transformers. A key that
  /// changes the result and is not implemented is refused by its name.
  public init(configJSON path: String) throws(ModelFileError) {
    try self.init(ConfigurationReader(path: path))
  }

  init(_ reader: ConfigurationReader) throws(ModelFileError) {
    guard let modelType = try reader.string("model_type") else {
      throw reader.missing("model_type")
    }
    guard let architecture = Architecture(rawValue: modelType) else {
      throw reader.unsupported(
        "model_type", .string(modelType), supported: "model_type llama, qwen2 or gpt_neo")
    }
    try Self.refuseUnimplemented(reader, architecture)
    switch architecture {
    case .llama, .qwen2: try self.init(rotary: reader, architecture)
    case .gptNeo: try self.init(gptNeo: reader)
    }
    try validate(file: reader.file)
  }

  private init(
    rotary reader: ConfigurationReader, _ architecture: Architecture
  ) throws(ModelFileError) {
    try Self.refuseUnimplementedRotary(reader, architecture)
    self.architecture = architecture
    hiddenSize = try reader.requiredInteger("hidden_size")
    intermediateSize = try reader.requiredInteger("intermediate_size")
    layerCount = try reader.requiredInteger("num_hidden_layers")
    headCount = try reader.requiredInteger("num_attention_heads")
    // Absent, Llama has as many as heads, and Qwen2 32 whatever the model's size: ask for it there.
    if architecture == .llama {
      keyValueHeadCount = try reader.integer("num_key_value_heads") ?? headCount
    } else {
      keyValueHeadCount = try reader.requiredInteger("num_key_value_heads")
    }
    headSize = try Self.headSize(
      reader, width: hiddenSize, heads: headCount, key: "num_attention_heads")
    vocabularySize = try reader.requiredInteger("vocab_size")
    maximumPositions = try reader.requiredInteger("max_position_embeddings")
    rmsNormEpsilon = try reader.float("rms_norm_eps") ?? 1e-6
    ropeTheta = try Self.ropeTheta(reader)
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? false
    attentionBias = architecture == .qwen2
    windowSize = 0
    attentionKinds = []
    layerNormEpsilon = 0
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
  }

  private init(gptNeo reader: ConfigurationReader) throws(ModelFileError) {
    architecture = .gptNeo
    hiddenSize = try reader.requiredInteger("hidden_size")
    layerCount = try reader.requiredInteger("num_layers", or: "num_hidden_layers")
    headCount = try reader.requiredInteger("num_heads", or: "num_attention_heads")
    keyValueHeadCount = headCount
    headSize = try Self.headSize(reader, width: hiddenSize, heads: headCount, key: "num_heads")
    let (fourfold, overflow) = hiddenSize.multipliedReportingOverflow(by: 4)
    intermediateSize = try reader.integer("intermediate_size") ?? (overflow ? 0 : fourfold)
    vocabularySize = try reader.requiredInteger("vocab_size")
    maximumPositions = try reader.requiredInteger("max_position_embeddings")
    rmsNormEpsilon = 0
    ropeTheta = 0
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? true
    attentionBias = false
    windowSize = try reader.integer("window_size") ?? 256
    attentionKinds = try Self.attentionKinds(reader, layerCount: layerCount)
    layerNormEpsilon = try reader.float("layer_norm_epsilon") ?? 1e-5
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
  }

  /// `head_dim`, which GPT-Neo does not have, or the width's share of a head.
  private static func headSize(
    _ reader: ConfigurationReader, width: Int, heads: Int, key: String
  ) throws(ModelFileError) -> Int {
    if let size = try reader.integer("head_dim") { return size }
    guard heads > 0, width > 0, width % heads == 0 else {
      throw .malformed(
        file: reader.file, item: key, expected: "a divisor of hidden_size \(width)",
        found: "\(heads)")
    }
    return width / heads
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

  /// `attention_layers`, or `attention_types` written out; where both are, they must agree.
  private static func attentionKinds(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws(ModelFileError) -> [AttentionKind] {
    let listed = try reader.strings("attention_layers")
    let typed = try attentionTypes(reader, layerCount: layerCount)
    if let listed, let typed, listed != typed {
      throw .malformed(
        file: reader.file, item: "attention_layers", expected: "what attention_types says",
        found: "other kinds")
    }
    guard let names = listed ?? typed else { throw reader.missing("attention_types") }
    return try names.map { (name) throws(ModelFileError) in
      guard let kind = AttentionKind(rawValue: name) else {
        throw reader.unsupported(
          "attention_types", .string(name), supported: "global and local layers")
      }
      return kind
    }
  }

  /// `[[["global", "local"], 6]]` means global and local, six times over.
  private static func attentionTypes(
    _ reader: ConfigurationReader, layerCount: Int
  ) throws(ModelFileError) -> [String]? {
    guard let value = reader.value("attention_types") else { return nil }
    let malformed = ModelFileError.malformed(
      file: reader.file, item: "attention_types",
      expected: "lists of kinds with their repetitions, \(layerCount) layers in all",
      found: value.summary)
    guard case .array(let groups) = value else { throw malformed }
    var names: [String] = []
    for group in groups {
      guard case .array(let pair) = group, pair.count == 2, case .array(let kinds) = pair[0],
        case .integer(let repetitions) = pair[1], repetitions >= 0, !kinds.isEmpty,
        repetitions <= (layerCount - names.count) / kinds.count
      else { throw malformed }
      for _ in 0..<repetitions {
        for kind in kinds {
          guard case .string(let name) = kind else { throw malformed }
          names.append(name)
        }
      }
    }
    guard names.count == layerCount else { throw malformed }
    return names
  }
}
