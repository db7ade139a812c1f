import Foundation
import Layers
import ModelFiles
import Numerics

/// GPT-NeoX (arXiv 2204.06745) and Pythia: rotary positions over part of each head, halves of a block side by side,
/// layer norms, biases everywhere, exact GELU. Its files have query, key and value in one tensor, head by head.
public struct GPTNeoX: Architecture {
  public static let family = "gpt_neox"
  public static let modelType = "gpt_neox"
  public static let ggufName: String? = "gptneox"
  public static let nameRoot = "gpt_neox."

  public var sizes: TransformerSizes
  public var rotary: RotaryDescription
  public var gelu: GELU
  /// Whether the halves of a block read the same stream, side by side.
  public var isParallel: Bool
  /// Whether attention's projections have biases.
  public var attentionBias: Bool
  public var layerNormEpsilon: Float
  /// Whether the output layer is the embedding.
  public var tiedEmbeddings: Bool
  public var beginTokenID: Int32?
  public var endTokenIDs: [Int32]

  /// The share of a head's channels that turn where a file says none.
  static let usualShare: Float = 0.25

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: ["GPTNeoXForCausalLM", "GPTNeoXModel"])
    let activation = try reader.string("hidden_act") ?? "gelu"
    guard let gelu = Self.activations[activation] else {
      throw reader.unsupported(
        "hidden_act", .string(activation), supported: "hidden_act gelu or gelu_new")
    }
    self.gelu = gelu
    let hiddenSize = try reader.requiredInteger("hidden_size")
    let headCount = try reader.requiredInteger("num_attention_heads")
    let positions = try reader.requiredInteger("max_position_embeddings")
    try Checks.require(
      "maximum positions", positions, in: 1...Checks.mostPositions, file: reader.file)
    let headSize = try Checks.headSize(
      reader, width: hiddenSize, heads: headCount, key: "num_attention_heads")
    let (rotary, longest) = try RotationReader(
      reader, headSize: headSize, positions: positions, theta: 10_000, share: Self.usualShare
    ).rotation()
    self.rotary = rotary
    sizes = TransformerSizes(
      hiddenSize: hiddenSize, intermediateSize: try reader.requiredInteger("intermediate_size"),
      layerCount: try reader.requiredInteger("num_hidden_layers"), headCount: headCount,
      keyValueHeadCount: headCount, headSize: headSize,
      vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: min(positions, longest))
    isParallel = try reader.bool("use_parallel_residual") ?? true
    attentionBias = try reader.bool("attention_bias") ?? true
    layerNormEpsilon = try reader.float("layer_norm_eps") ?? 1e-5
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? false
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
    try validate(file: reader.file)
  }

  private static let activations: [String: GELU] = [
    "gelu": .exact, "gelu_new": .tanh, "gelu_pytorch_tanh": .tanh,
  ]

  public init(gguf: GGUFFile) throws(ModelFileError) {
    let reader = GGUFConfigurationReader(gguf, "gptneox")
    try reader.refuseKeys(except: [
      "context_length", "embedding_length", "block_count", "feed_forward_length",
      "attention.head_count", "attention.head_count_kv", "attention.layer_norm_epsilon",
      "rope.dimension_count", "rope.freq_base", "use_parallel_residual", "vocab_size",
    ])
    try reader.refuseTensors { Self.ggufNames.has($0) }
    let hiddenSize = try reader.integer("embedding_length")
    let headCount = try reader.uniformInteger("attention.head_count")
    let headSize = try reader.headSize(width: hiddenSize, heads: headCount)
    let positions = try reader.integer("context_length")
    rotary = try reader.rotation(
      headSize: headSize, positions: positions, RotaryDecoderTraits()
    ).rotary
    gelu = .exact
    sizes = TransformerSizes(
      hiddenSize: hiddenSize, intermediateSize: try reader.integer("feed_forward_length"),
      layerCount: try reader.integer("block_count"), headCount: headCount,
      keyValueHeadCount: headCount, headSize: headSize,
      vocabularySize: try reader.vocabularySize(), maximumPositions: positions)
    isParallel =
      reader.has("use_parallel_residual")
      ? try gguf.bool("gptneox.use_parallel_residual") : true
    attentionBias = gguf.tensors.contains { $0.name == "blk.0.attn_qkv.bias" }
    layerNormEpsilon = try reader.requiredFloat("attention.layer_norm_epsilon")
    tiedEmbeddings = !gguf.tensors.contains { $0.name == "output.weight" }
    beginTokenID = try reader.tokenID("tokenizer.ggml.bos_token_id")
    endTokenIDs = try reader.tokenID("tokenizer.ggml.eos_token_id").map { [$0] } ?? []
    try validate(file: gguf.path)
  }

  func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    try Checks.requireWholeHeads(sizes, file: file)
    try Checks.requirePositive("LayerNorm epsilon", layerNormEpsilon, file: file)
    try Checks.requireRotary(rotary, headSize: sizes.headSize, file: file)
  }

  public var width: Int { sizes.hiddenSize }
  public var layerCount: Int { sizes.layerCount }
  public var vocabularySize: Int { sizes.vocabularySize }
  public var maximumPositions: Int { sizes.maximumPositions }

  public var identityJSON: String {
    IdentityJSON.text([
      ("architecture", "\"\(Self.family)\""), ("attentionBias", "\(attentionBias)"),
      ("gelu", gelu == .exact ? "\"exact\"" : "\"tanh\""), ("headCount", "\(sizes.headCount)"),
      ("hiddenSize", "\(sizes.hiddenSize)"), ("intermediateSize", "\(sizes.intermediateSize)"),
      ("isParallel", "\(isParallel)"), ("layerCount", "\(sizes.layerCount)"),
      ("layerNormEpsilon", "\(layerNormEpsilon)"),
      ("ropeDimensions", "\(rotary.dimensions ?? sizes.headSize)"),
      ("ropeScaling", rotary.scaling.identityJSON), ("ropeTheta", "\(rotary.theta)"),
      ("tiedEmbeddings", "\(tiedEmbeddings)"), ("vocabularySize", "\(sizes.vocabularySize)"),
    ])
  }

  public var embedding: EmbeddingDescription {
    EmbeddingDescription(tokens: "gpt_neox.embed_in.weight")
  }

  public func block(_ layer: Int) -> BlockDescription {
    let prefix = "gpt_neox.layers.\(layer)"
    func projection(_ name: String, hasBias: Bool = true) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: hasBias)
    }
    return BlockDescription(
      width: width, norm: .layer(epsilon: layerNormEpsilon),
      arrangement: isParallel ? .parallel : .before,
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: sizes.headCount, size: sizes.headSize,
          queryScale: 1 / Float(sizes.headSize).squareRoot()),
        rotary: rotary, query: projection("attention.query", hasBias: attentionBias),
        key: projection("attention.key", hasBias: attentionBias),
        value: projection("attention.value", hasBias: attentionBias),
        output: projection("attention.dense", hasBias: attentionBias)),
      feedForward: .plain(
        gelu, inner: sizes.intermediateSize, expand: projection("mlp.dense_h_to_4h"),
        contract: projection("mlp.dense_4h_to_h")),
      attentionNorm: "\(prefix).input_layernorm",
      feedForwardNorm: "\(prefix).post_attention_layernorm")
  }

  public var finalNorm: NormDescription? {
    NormDescription("gpt_neox.final_layer_norm", .layer(epsilon: layerNormEpsilon))
  }

  public var outputHead: OutputHeadDescription? {
    OutputHeadDescription("embed_out.weight", isTied: tiedEmbeddings)
  }

  private static let ggufNames = GGUFTensorNames(
    layers: "gpt_neox.layers.",
    modules: [
      "input_layernorm": "attn_norm", "attention.query_key_value": "attn_qkv",
      "attention.dense": "attn_output", "post_attention_layernorm": "ffn_norm",
      "mlp.dense_h_to_4h": "ffn_up", "mlp.dense_4h_to_h": "ffn_down",
    ],
    whole: [
      "gpt_neox.embed_in": "token_embd", "gpt_neox.final_layer_norm": "output_norm",
      "embed_out": "output",
    ])

  /// A head's queries, keys and values follow each other; in GGUF all queries do, then all keys, all values.
  public func part(_ name: String, isGGUF: Bool) -> TensorPart {
    var part = TensorPart(name)
    let (size, all) = (sizes.headSize, 3 * width)
    for (place, module) in ["attention.query", "attention.key", "attention.value"].enumerated() {
      guard let range = name.range(of: ".\(module).") else { continue }
      part.tensor.replaceSubrange(range, with: ".attention.query_key_value.")
      part.rows =
        isGGUF
        ? .init(place * width..<(place + 1) * width, of: all)
        : .init(place * size..<(place + 1) * size, ofEvery: 3 * size, of: all)
    }
    if isGGUF { part.tensor = Self.ggufNames.stored(part.tensor) ?? part.tensor }
    return part
  }
}
