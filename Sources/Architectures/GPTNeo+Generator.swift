import Layers
import ModelFiles

extension GPTNeo: GeneratorArchitecture {
  /// Layers alternate global and local attention.
  public init(design: BackboneDesign) throws(ModelFileError) {
    try Checks.requireOwnKeyValueHeads(design)
    try self.init(
      width: design.width, heads: design.heads, inner: Checks.fourfold(design.width),
      vocabulary: design.vocabulary, positions: design.positions, window: design.window,
      kinds: (0..<min(max(design.layers, 0), GeneratorLimits.mostLayers + 1)).map {
        $0 % 2 == 0 ? .global : .local
      }, epsilon: 1e-5, file: GeneratorLimits.flags)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    let names = try reader.strings("attention_layers")
    guard let names else { throw reader.missing("attention_layers") }
    let kinds = try names.map { name throws(ModelFileError) in
      guard let kind = AttentionKind(rawValue: name) else {
        throw reader.unsupported(
          "attention_layers", .string(name), supported: "global and local layers")
      }
      return kind
    }
    guard let epsilon = try reader.float("layer_norm_epsilon") else {
      throw reader.missing("layer_norm_epsilon")
    }
    try self.init(
      width: try reader.requiredInteger("width"), heads: try reader.requiredInteger("heads"),
      inner: try reader.requiredInteger("intermediate_width"),
      vocabulary: try reader.requiredInteger("vocabulary"),
      positions: try reader.requiredInteger("positions"),
      window: try reader.requiredInteger("window"), kinds: kinds, epsilon: epsilon,
      file: reader.file)
    tiedEmbeddings = try reader.bool("tied_head") ?? true
  }

  /// Of the sizes that a file of weights shows, with a tied head.
  public init(
    width: Int, heads: Int, inner: Int, vocabulary: Int, positions: Int, window: Int,
    kinds: [AttentionKind], epsilon: Float = 1e-5, file: String
  ) throws(ModelFileError) {
    for (key, size) in [
      ("width", width), ("heads", heads), ("window", window), ("intermediate_width", inner),
      ("vocabulary", vocabulary), ("positions", positions),
    ] {
      try GeneratorLimits.requireSize(key, size, file: file)
    }
    try GeneratorLimits.require(
      (1...GeneratorLimits.mostLayers).contains(kinds.count), "attention_layers",
      "1 to \(GeneratorLimits.mostLayers) layers", "\(kinds.count)", file: file)
    try GeneratorLimits.require(
      width % heads == 0, "heads", "a divisor of width \(width)", "\(heads)", file: file)
    try GeneratorLimits.require(
      epsilon > 0 && epsilon < 1, "layer_norm_epsilon", "a number in 0 ..< 1", "\(epsilon)",
      file: file)
    sizes = TransformerSizes(
      hiddenSize: width, intermediateSize: inner, layerCount: kinds.count, headCount: heads,
      keyValueHeadCount: heads, headSize: width / heads, vocabularySize: vocabulary,
      maximumPositions: positions)
    attentionKinds = kinds
    windowSize = window
    layerNormEpsilon = epsilon
    tiedEmbeddings = true
    beginTokenID = nil
    endTokenIDs = []
  }

  /// A head of its own is said; a tied one never was.
  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    let members: [(key: String, value: any Encodable & Sendable)] = [
      ("attention_layers", attentionKinds), ("heads", sizes.headCount),
      ("intermediate_width", sizes.intermediateSize), ("layer_norm_epsilon", layerNormEpsilon),
      ("positions", sizes.maximumPositions), ("vocabulary", sizes.vocabularySize),
      ("width", width), ("window", windowSize),
    ]
    return tiedEmbeddings ? members : members + [("tied_head", false)]
  }

  /// `gpt.` beside a bridge; where states take the embeddings' place, the published checkpoint's names.
  private static func root(replacesEmbeddings: Bool) -> String {
    replacesEmbeddings ? "gptneo.base_model.transformer." : "gpt."
  }

  public func checkpointName(_ name: String, replacesEmbeddings: Bool) -> String {
    if name == "lm_head.weight", replacesEmbeddings { return "gptneo.new_lm_head.weight" }
    guard name.hasPrefix("transformer.") else { return name }
    return Self.root(replacesEmbeddings: replacesEmbeddings) + name.dropFirst("transformer.".count)
  }

  public func fileName(_ checkpointName: String, replacesEmbeddings: Bool) -> String {
    if checkpointName == "gptneo.new_lm_head.weight" { return "lm_head.weight" }
    let root = Self.root(replacesEmbeddings: replacesEmbeddings)
    guard checkpointName.hasPrefix(root) else { return checkpointName }
    return "transformer." + checkpointName.dropFirst(root.count)
  }

  public var weightsMetadata: [String: String] {
    ["heads": "\(sizes.headCount)", "window": "\(windowSize)"]
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    [
      ("activation_function", "gelu_new"), ("architectures", ["GPTNeoForCausalLM"]),
      ("attention_layers", attentionKinds),
      ("attention_types", attentionKinds.map { AttentionType(kind: $0) }),
      ("hidden_size", width), ("intermediate_size", sizes.intermediateSize),
      ("layer_norm_epsilon", layerNormEpsilon),
      ("max_position_embeddings", sizes.maximumPositions), ("model_type", Self.modelType),
      ("num_heads", sizes.headCount), ("num_layers", layerCount),
      ("tie_word_embeddings", tiedEmbeddings), ("vocab_size", vocabularySize),
      ("window_size", windowSize),
    ]
  }

  /// One layer's kind as `attention_types` has it, `[["global"], 1]`.
  private struct AttentionType: Encodable, Sendable {
    let kind: AttentionKind

    func encode(to encoder: any Encoder) throws {
      var container = encoder.unkeyedContainer()
      try container.encode([kind])
      try container.encode(1)
    }
  }
}
