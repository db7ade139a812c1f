import Layers
import ModelFiles
import Numerics

/// BERT encoders, all-MiniLM-L6-v2 among them: every token sees the whole document, and each half of a
/// block is normed after it is added. For sources alone: there is no output layer to write with.
///
/// A document is one segment: the first row of the token types' table is added to every token. The pooler
/// and what classifiers add are not computed with.
public struct BERT: Architecture {
  public static let family = "bert"
  public static let modelType = "bert"
  public static let ggufName: String? = "bert"

  public var sizes: TransformerSizes
  public var layerNormEpsilon: Float
  /// Rows of the token types' table.
  public var typeCount: Int

  private static let classes: Set<String> = [
    "BertModel", "BertForMaskedLM", "BertForPreTraining", "BertForSequenceClassification",
    "BertForTokenClassification", "BertForQuestionAnswering", "BertForNextSentencePrediction",
  ]

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: Self.classes)
    try reader.refuse(
      "hidden_act", unless: { Checks.isText($0, "gelu") }, supported: "hidden_act gelu")
    try reader.refuse("is_decoder", unless: Checks.isFalse, supported: "is_decoder false")
    try reader.refuse(
      "position_embedding_type", unless: { Checks.isText($0, "absolute") },
      supported: "position_embedding_type absolute")
    let hiddenSize = try reader.requiredInteger("hidden_size")
    let headCount = try reader.requiredInteger("num_attention_heads")
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      intermediateSize: try reader.requiredInteger("intermediate_size"),
      layerCount: try reader.requiredInteger("num_hidden_layers"), headCount: headCount,
      keyValueHeadCount: headCount,
      headSize: try Checks.headSize(
        reader, width: hiddenSize, heads: headCount, key: "num_attention_heads"),
      vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: try reader.integer("max_position_embeddings") ?? 512)
    layerNormEpsilon = try reader.float("layer_norm_eps") ?? 1e-12
    typeCount = try reader.integer("type_vocab_size") ?? 2
    try validate(file: reader.file)
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    let reader = GGUFConfigurationReader(gguf, "bert")
    try reader.refuseKeys(except: [
      "context_length", "embedding_length", "block_count", "feed_forward_length",
      "attention.head_count", "attention.head_count_kv", "attention.layer_norm_epsilon",
      "attention.causal", "vocab_size",
      // What becomes of the states afterwards.
      "pooling_type",
    ])
    if let causal = gguf.metadata[reader.key("attention.causal")], causal != .bool(false) {
      throw .unsupported(
        file: gguf.path, item: "metadata key \(reader.key("attention.causal"))",
        found: causal.description, supported: "false: an encoder")
    }
    try reader.refuseTensors(unless: Self.ggufNames.has)
    let hiddenSize = try reader.integer("embedding_length")
    let headCount = try reader.uniformInteger("attention.head_count")
    sizes = TransformerSizes(
      hiddenSize: hiddenSize, intermediateSize: try reader.integer("feed_forward_length"),
      layerCount: try reader.integer("block_count"), headCount: headCount,
      keyValueHeadCount: headCount,
      headSize: try reader.headSize(width: hiddenSize, heads: headCount),
      vocabularySize: try reader.vocabularySize(),
      maximumPositions: try reader.rows(of: "position_embd.weight"))
    layerNormEpsilon = try reader.requiredFloat("attention.layer_norm_epsilon")
    typeCount = try reader.rows(of: "token_types.weight")
    try validate(file: gguf.path)
  }

  private func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    try Checks.requireWholeHeads(sizes, file: file)
    try Checks.require("type_vocab_size", typeCount, in: 1...1 << 16, file: file)
    try Checks.requirePositive("LayerNorm epsilon", layerNormEpsilon, file: file)
  }

  public var width: Int { sizes.hiddenSize }
  public var layerCount: Int { sizes.layerCount }
  public var vocabularySize: Int { sizes.vocabularySize }
  public var maximumPositions: Int { sizes.maximumPositions }
  public var visibility: Visibility { .document }
  public var beginTokenID: Int32? { nil }
  public var endTokenIDs: [Int32] { [] }
  public static var otherRoots: [String] { ["bert."] }
  public var finalNorm: NormDescription? { nil }
  public var outputHead: OutputHeadDescription? { nil }

  public var identityJSON: String {
    IdentityJSON.text([
      ("architecture", "\"\(Self.family)\""), ("headCount", "\(sizes.headCount)"),
      ("hiddenSize", "\(sizes.hiddenSize)"), ("intermediateSize", "\(sizes.intermediateSize)"),
      ("layerCount", "\(sizes.layerCount)"), ("layerNormEpsilon", "\(layerNormEpsilon)"),
      ("maximumPositions", "\(sizes.maximumPositions)"), ("typeCount", "\(typeCount)"),
      ("vocabularySize", "\(sizes.vocabularySize)"),
    ])
  }

  public var embedding: EmbeddingDescription {
    EmbeddingDescription(
      tokens: "embeddings.word_embeddings.weight",
      positions: "embeddings.position_embeddings.weight",
      segments: "embeddings.token_type_embeddings.weight", segmentCount: typeCount,
      norm: NormDescription("embeddings.LayerNorm", .layer(epsilon: layerNormEpsilon)))
  }

  public func block(_ layer: Int) -> BlockDescription {
    let prefix = "encoder.layer.\(layer)"
    func projection(_ name: String) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: true)
    }
    return BlockDescription(
      width: width, norm: .layer(epsilon: layerNormEpsilon), arrangement: .after,
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: sizes.headCount, size: sizes.headSize,
          queryScale: 1 / Float(sizes.headSize).squareRoot()),
        mask: .all, query: projection("attention.self.query"),
        key: projection("attention.self.key"), value: projection("attention.self.value"),
        output: projection("attention.output.dense")),
      feedForward: .plain(
        .exact, inner: sizes.intermediateSize, expand: projection("intermediate.dense"),
        contract: projection("output.dense")),
      attentionNorm: "\(prefix).attention.output.LayerNorm",
      feedForwardNorm: "\(prefix).output.LayerNorm")
  }

  private static let ggufNames = GGUFTensorNames(
    layers: "encoder.layer.",
    modules: [
      "attention.self.query": "attn_q", "attention.self.key": "attn_k",
      "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
      "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up",
      "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
    ],
    whole: [
      "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
      "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
    ])

  public func part(_ name: String, isGGUF: Bool) -> TensorPart {
    TensorPart(isGGUF ? Self.ggufNames.stored(name) ?? name : name)
  }
}
