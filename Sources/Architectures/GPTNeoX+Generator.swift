import Layers
import ModelFiles
import Numerics

extension GPTNeoX: GeneratorArchitecture {
  /// A quarter of each head's channels turns, at least two; halves are side by side.
  public init(design: BackboneDesign) throws(ModelFileError) {
    let file = GeneratorLimits.flags
    try Checks.requireOwnKeyValueHeads(design)
    let sizes = try Checks.sizes(
      of: design, intermediateSize: Checks.fourfold(design.width), pairs: true, file: file)
    let channels = max(Int(Float(sizes.headSize) * Self.usualShare) / 2 * 2, 2)
    try self.init(sizes, Self.rotary(10_000, channels, sizes), epsilon: 1e-5, file: file)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    let epsilon = try reader.requiredFloat("layer_norm_epsilon")
    let theta = try reader.requiredFloat("rope_theta")
    let sizes = try Checks.sizes(checkpoint: reader)
    let channels = try reader.requiredInteger("rotary_channels")
    var rotary = Self.rotary(theta, channels, sizes)
    if let value = reader.value("rope_scaling") {
      rotary.scaling = try RotaryScalingReader(
        try ConfigurationReader(value, file: reader.file), "rope_scaling", theta: theta,
        dimensions: channels, positions: sizes.maximumPositions, original: nil,
        names: [:]
      ).scaling().scaling
    }
    try self.init(sizes, rotary, epsilon: epsilon, file: reader.file)
    isParallel = try reader.requiredBool("parallel")
    attentionBias = try reader.requiredBool("attention_bias")
    gelu = try reader.requiredBool("exact_gelu") ? .exact : .tanh
    tiedEmbeddings = try reader.requiredBool("tied_head")
  }

  private static func rotary(
    _ theta: Float, _ channels: Int, _ sizes: TransformerSizes
  ) -> RotaryDescription {
    RotaryDescription(theta: theta, dimensions: channels == sizes.headSize ? nil : channels)
  }

  private init(
    _ sizes: TransformerSizes, _ rotary: RotaryDescription, epsilon: Float, file: String
  ) throws(ModelFileError) {
    self.sizes = sizes
    self.rotary = rotary
    gelu = .exact
    isParallel = true
    attentionBias = true
    layerNormEpsilon = epsilon
    tiedEmbeddings = true
    beginTokenID = nil
    endTokenIDs = []
    try validate(file: file)
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    var members: [(key: String, value: any Encodable & Sendable)] = [
      ("attention_bias", attentionBias), ("exact_gelu", gelu == .exact),
      ("layer_norm_epsilon", layerNormEpsilon), ("parallel", isParallel),
      ("rope_theta", rotary.theta), ("rotary_channels", rotary.dimensions ?? sizes.headSize),
      ("tied_head", tiedEmbeddings),
    ]
    if let scaling = rotary.scaling.text(positions: sizes.maximumPositions) {
      members.append(("rope_scaling", scaling))
    }
    return Checks.checkpointMembers(sizes) + members
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    let share = Double(rotary.dimensions ?? sizes.headSize) / Double(sizes.headSize)
    var members: [(key: String, value: any Encodable & Sendable)] = [
      ("architectures", ["GPTNeoXForCausalLM"]), ("attention_bias", attentionBias),
      ("hidden_act", gelu == .exact ? "gelu" : "gelu_new"), ("hidden_size", width),
      ("intermediate_size", sizes.intermediateSize), ("layer_norm_eps", layerNormEpsilon),
      ("max_position_embeddings", sizes.maximumPositions), ("model_type", Self.modelType),
      ("num_attention_heads", sizes.headCount), ("num_hidden_layers", layerCount),
      ("rope_theta", rotary.theta), ("rotary_emb_base", rotary.theta), ("rotary_pct", share),
      ("tie_word_embeddings", tiedEmbeddings), ("use_parallel_residual", isParallel),
      ("vocab_size", vocabularySize),
    ]
    if let scaling = rotary.scaling.text(positions: sizes.maximumPositions) {
      members.append(("rope_scaling", scaling))
    }
    return members
  }
}
