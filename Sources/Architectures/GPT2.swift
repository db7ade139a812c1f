import Foundation
import Layers
import ModelFiles
import Numerics

/// GPT-2: learned positions, layer norms before each half, biases everywhere, GELU's tanh form. Its files have
/// query, key and value in one tensor, and weights the other way round: [inputs, outputs].
public struct GPT2: Architecture {
  public static let family = "gpt2"
  public static let modelType = "gpt2"
  public static let ggufName: String? = "gpt2"
  public static let nameRoot = "transformer."

  public var sizes: TransformerSizes
  public var layerNormEpsilon: Float
  /// Whether scores are divided by √D too.
  public var scalesScores: Bool
  /// Whether scores are divided by the layer's number, from 1 on, too.
  public var scalesScoresByLayer: Bool
  /// Whether the output layer is the embedding.
  public var tiedEmbeddings: Bool
  public var beginTokenID: Int32?
  public var endTokenIDs: [Int32]

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: ["GPT2LMHeadModel", "GPT2Model"])
    try reader.refuse(
      "activation_function",
      unless: { Checks.isText($0, "gelu_new") || Checks.isText($0, "gelu_pytorch_tanh") },
      supported: "activation_function gelu_new")
    let hiddenSize = try reader.requiredInteger("n_embd", or: "hidden_size")
    let headCount = try reader.requiredInteger("n_head", or: "num_attention_heads")
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      intermediateSize: try reader.integer("n_inner") ?? Checks.fourfold(hiddenSize),
      layerCount: try reader.requiredInteger("n_layer", or: "num_hidden_layers"),
      headCount: headCount, keyValueHeadCount: headCount,
      headSize: try Checks.headSize(reader, width: hiddenSize, heads: headCount, key: "n_head"),
      vocabularySize: try reader.requiredInteger("vocab_size"),
      maximumPositions: try reader.requiredInteger("n_positions", or: "max_position_embeddings"))
    layerNormEpsilon = try reader.float("layer_norm_epsilon") ?? 1e-5
    scalesScores = try reader.bool("scale_attn_weights") ?? true
    scalesScoresByLayer = try reader.bool("scale_attn_by_inverse_layer_idx") ?? false
    tiedEmbeddings = try reader.bool("tie_word_embeddings") ?? true
    beginTokenID = try reader.tokenIDs("bos_token_id").first
    endTokenIDs = try reader.tokenIDs("eos_token_id")
    try validate(file: reader.file)
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    let reader = GGUFConfigurationReader(gguf, "gpt2")
    try reader.refuseKeys(except: [
      "context_length", "embedding_length", "block_count", "feed_forward_length",
      "attention.head_count", "attention.head_count_kv", "attention.layer_norm_epsilon",
      "vocab_size",
    ])
    try reader.refuseTensors { Self.ggufNames.has($0) && $0 != "position_embd.bias" }
    let hiddenSize = try reader.integer("embedding_length")
    let headCount = try reader.uniformInteger("attention.head_count")
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      // The converter writes four times the width, whatever the model has.
      intermediateSize: try reader.rows(of: "blk.0.ffn_up.weight"),
      layerCount: try reader.integer("block_count"), headCount: headCount,
      keyValueHeadCount: headCount,
      headSize: try reader.headSize(width: hiddenSize, heads: headCount),
      vocabularySize: try reader.vocabularySize(),
      maximumPositions: try reader.rows(of: "position_embd.weight"))
    layerNormEpsilon = try reader.requiredFloat("attention.layer_norm_epsilon")
    scalesScores = true
    scalesScoresByLayer = false
    tiedEmbeddings = !gguf.tensors.contains { $0.name == "output.weight" }
    beginTokenID = try reader.tokenID("tokenizer.ggml.bos_token_id")
    endTokenIDs = try reader.tokenID("tokenizer.ggml.eos_token_id").map { [$0] } ?? []
    try validate(file: gguf.path)
  }

  func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    try Checks.requireWholeHeads(sizes, file: file)
    try Checks.requirePositive("LayerNorm epsilon", layerNormEpsilon, file: file)
  }

  public var width: Int { sizes.hiddenSize }
  public var layerCount: Int { sizes.layerCount }
  public var vocabularySize: Int { sizes.vocabularySize }
  public var maximumPositions: Int { sizes.maximumPositions }

  public var identityJSON: String {
    IdentityJSON.text([
      ("architecture", "\"\(Self.family)\""), ("headCount", "\(sizes.headCount)"),
      ("hiddenSize", "\(sizes.hiddenSize)"), ("intermediateSize", "\(sizes.intermediateSize)"),
      ("layerCount", "\(sizes.layerCount)"), ("layerNormEpsilon", "\(layerNormEpsilon)"),
      ("scalesScores", "\(scalesScores)"), ("scalesScoresByLayer", "\(scalesScoresByLayer)"),
      ("tiedEmbeddings", "\(tiedEmbeddings)"), ("vocabularySize", "\(sizes.vocabularySize)"),
    ])
  }

  public var embedding: EmbeddingDescription {
    EmbeddingDescription(tokens: "transformer.wte.weight", positions: "transformer.wpe.weight")
  }

  public func block(_ layer: Int) -> BlockDescription {
    let prefix = "transformer.h.\(layer)"
    func projection(_ name: String) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: true)
    }
    let scale = scalesScores ? 1 / Float(sizes.headSize).squareRoot() : 1
    return BlockDescription(
      width: width, norm: .layer(epsilon: layerNormEpsilon),
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: sizes.headCount, size: sizes.headSize,
          queryScale: scalesScoresByLayer ? scale / Float(layer + 1) : scale),
        query: projection("attn.q_proj"), key: projection("attn.k_proj"),
        value: projection("attn.v_proj"), output: projection("attn.c_proj")),
      feedForward: .plain(
        .tanh, inner: sizes.intermediateSize, expand: projection("mlp.c_fc"),
        contract: projection("mlp.c_proj")),
      attentionNorm: "\(prefix).ln_1", feedForwardNorm: "\(prefix).ln_2")
  }

  public var finalNorm: NormDescription? {
    NormDescription("transformer.ln_f", .layer(epsilon: layerNormEpsilon))
  }

  public var outputHead: OutputHeadDescription? {
    OutputHeadDescription("lm_head.weight", isTied: tiedEmbeddings)
  }

  private static let ggufNames = GGUFTensorNames(
    layers: "transformer.h.",
    modules: [
      "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
      "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
    ],
    whole: [
      "transformer.wte": "token_embd", "transformer.wpe": "position_embd",
      "transformer.ln_f": "output_norm", "lm_head": "output",
    ])

  public func part(_ name: String, isGGUF: Bool) -> TensorPart {
    var part = TensorPart(name)
    for (place, module) in ["attn.q_proj", "attn.k_proj", "attn.v_proj"].enumerated() {
      guard let range = name.range(of: ".\(module).") else { continue }
      part.tensor.replaceSubrange(range, with: ".attn.c_attn.")
      part.rows = .init(place * width..<(place + 1) * width, of: 3 * width)
    }
    if isGGUF {
      part.tensor = Self.ggufNames.stored(part.tensor) ?? part.tensor
    } else {
      part.isTransposed = ["c_attn.weight", "c_proj.weight", "c_fc.weight"].contains {
        part.tensor.hasSuffix($0)
      }
    }
    return part
  }
}
