import Layers
import ModelFiles
import Numerics

/// GPT-Neo: learned positions, layers that see all earlier tokens or a window of them, by turns.
///
/// Attention scores are not scaled; query, key and value have no bias; GELU is the tanh one.
public struct GPTNeo: Architecture {
  public static let family = "gpt_neo"
  public static let modelType = "gpt_neo"

  /// How a layer attends: to every earlier position, or to the last `windowSize`.
  public enum AttentionKind: String, Codable, Sendable {
    case global
    case local
  }

  public var sizes: TransformerSizes
  /// One a layer.
  public var attentionKinds: [AttentionKind]
  /// Positions a local layer sees, its own among them.
  public var windowSize: Int
  public var layerNormEpsilon: Float
  /// Whether the output layer is the embedding.
  public var tiedEmbeddings: Bool
  public var beginTokenID: Int32?
  public var endTokenIDs: [Int32]

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: ["GPTNeoForCausalLM", "GPTNeoModel"])
    try reader.refuse(
      "activation_function", unless: { Checks.isText($0, "gelu_new") },
      supported: "activation_function gelu_new")
    let hiddenSize = try reader.requiredInteger("hidden_size")
    let layerCount = try reader.requiredInteger("num_layers", or: "num_hidden_layers")
    try Checks.require("layer count", layerCount, in: 1...Checks.mostLayers, file: reader.file)
    let headCount = try reader.requiredInteger("num_heads", or: "num_attention_heads")
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      intermediateSize: try reader.integer("intermediate_size") ?? Checks.fourfold(hiddenSize),
      layerCount: layerCount, headCount: headCount, keyValueHeadCount: headCount,
      headSize: try Checks.headSize(
        reader, width: hiddenSize, heads: headCount, key: "num_heads"),
      vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: try reader.requiredInteger("max_position_embeddings"))
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? true
    windowSize = try reader.integer("window_size") ?? 256
    attentionKinds = try Self.attentionKinds(reader, layerCount: layerCount)
    layerNormEpsilon = try reader.float("layer_norm_epsilon") ?? 1e-5
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
    try validate(file: reader.file)
  }

  func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    try Checks.require("window size", windowSize, in: 1...1 << 28, file: file)
    try Checks.require(
      "number of attention layers", attentionKinds.count, in: sizes.layerCount...sizes.layerCount,
      file: file)
    try Checks.requireWholeHeads(sizes, file: file)
    try Checks.requirePositive("LayerNorm epsilon", layerNormEpsilon, file: file)
  }

  public var width: Int { sizes.hiddenSize }
  public var layerCount: Int { sizes.layerCount }
  public var vocabularySize: Int { sizes.vocabularySize }
  public var maximumPositions: Int { sizes.maximumPositions }

  public var identityJSON: String {
    let kinds = attentionKinds.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
    return IdentityJSON.text([
      ("architecture", "\"\(Self.family)\""), ("attentionBias", "false"),
      ("attentionKinds", "[\(kinds)]"), ("headCount", "\(sizes.headCount)"),
      ("headSize", "\(sizes.headSize)"), ("hiddenSize", "\(sizes.hiddenSize)"),
      ("intermediateSize", "\(sizes.intermediateSize)"),
      ("keyValueHeadCount", "\(sizes.keyValueHeadCount)"), ("layerCount", "\(sizes.layerCount)"),
      ("layerNormEpsilon", "\(layerNormEpsilon)"), ("rmsNormEpsilon", "0.0"),
      ("ropeTheta", "0.0"), ("tiedEmbeddings", "\(tiedEmbeddings)"),
      ("vocabularySize", "\(sizes.vocabularySize)"), ("windowSize", "\(windowSize)"),
    ])
  }

  public static let nameRoot = "transformer."

  public var embedding: EmbeddingDescription {
    EmbeddingDescription(
      tokens: "\(Self.nameRoot)wte.weight", positions: "\(Self.nameRoot)wpe.weight")
  }

  public func block(_ layer: Int) -> BlockDescription {
    let prefix = "\(Self.nameRoot)h.\(layer)"
    func projection(_ name: String, hasBias: Bool = true) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: hasBias)
    }
    return BlockDescription(
      width: width, norm: .layer(epsilon: layerNormEpsilon),
      attention: AttentionDescription(
        heads: AttentionHeads(count: sizes.headCount, size: sizes.headSize),
        window: attentionKinds[layer] == .local ? windowSize : nil,
        query: projection("attn.attention.q_proj", hasBias: false),
        key: projection("attn.attention.k_proj", hasBias: false),
        value: projection("attn.attention.v_proj", hasBias: false),
        output: projection("attn.attention.out_proj"), order: [\.key, \.value, \.query]),
      feedForward: .plain(
        .tanh, inner: sizes.intermediateSize, expand: projection("mlp.c_fc"),
        contract: projection("mlp.c_proj")),
      attentionNorm: "\(prefix).ln_1", feedForwardNorm: "\(prefix).ln_2")
  }

  public var finalNorm: NormDescription? {
    NormDescription("\(Self.nameRoot)ln_f", .layer(epsilon: layerNormEpsilon))
  }

  public var outputHead: OutputHeadDescription? {
    OutputHeadDescription("lm_head.weight", isTied: tiedEmbeddings)
  }
}
