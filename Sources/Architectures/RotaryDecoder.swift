import Layers
import ModelFiles
import Numerics

/// What the decoders with rotary positions, root mean square norms and gated feed-forward have in common:
/// Llama, and those after it.
public struct RotaryDecoder: Sendable, Equatable {
  public var sizes: TransformerSizes
  public var rmsNormEpsilon: Float
  /// Base of the rotary angles.
  public var ropeTheta: Float
  /// Whether the output layer is the embedding.
  public var tiedEmbeddings: Bool
  /// Whether query, key and value projections have biases.
  public var attentionBias: Bool
  public var beginTokenID: Int32?
  public var endTokenIDs: [Int32]

  func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    guard sizes.headSize % 2 == 0 else {
      throw .malformed(
        file: file, item: "head size", expected: "an even number, as rotary pairs need",
        found: "\(sizes.headSize)")
    }
    try Checks.requirePositive("RMSNorm epsilon", rmsNormEpsilon, file: file)
    try Checks.requirePositive("RoPE theta", ropeTheta, file: file)
  }

  static let embedding = EmbeddingDescription(tokens: "model.embed_tokens.weight")

  var finalNorm: FinalNormDescription {
    FinalNormDescription("model.norm", .rootMeanSquare(epsilon: rmsNormEpsilon))
  }

  var outputHead: OutputHeadDescription {
    tiedEmbeddings
      ? OutputHeadDescription(Self.embedding.tokens, isTied: true)
      : OutputHeadDescription("lm_head.weight", isTied: false)
  }

  func block(_ layer: Int) -> BlockDescription {
    let prefix = "model.layers.\(layer)"
    func projection(_ name: String, hasBias: Bool = false) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: hasBias)
    }
    return BlockDescription(
      width: sizes.hiddenSize, norm: .rootMeanSquare(epsilon: rmsNormEpsilon),
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: sizes.headCount, keyValueCount: sizes.keyValueHeadCount, size: sizes.headSize,
          queryScale: 1 / Float(sizes.headSize).squareRoot()),
        rotary: RotaryDescription(theta: ropeTheta),
        query: projection("self_attn.q_proj", hasBias: attentionBias),
        key: projection("self_attn.k_proj", hasBias: attentionBias),
        value: projection("self_attn.v_proj", hasBias: attentionBias),
        output: projection("self_attn.o_proj")),
      feedForward: .gated(
        inner: sizes.intermediateSize, gate: projection("mlp.gate_proj"),
        up: projection("mlp.up_proj"), down: projection("mlp.down_proj")),
      attentionNorm: "\(prefix).input_layernorm",
      feedForwardNorm: "\(prefix).post_attention_layernorm")
  }

  /// The identity's JSON of the families that were the first: its keys are those that a cache of theirs has
  /// always had, GPT-Neo's among them.
  func identityJSON(_ family: String) -> String {
    IdentityJSON.text([
      ("architecture", "\"\(family)\""), ("attentionBias", "\(attentionBias)"),
      ("attentionKinds", "[]"), ("headCount", "\(sizes.headCount)"),
      ("headSize", "\(sizes.headSize)"), ("hiddenSize", "\(sizes.hiddenSize)"),
      ("intermediateSize", "\(sizes.intermediateSize)"),
      ("keyValueHeadCount", "\(sizes.keyValueHeadCount)"), ("layerCount", "\(sizes.layerCount)"),
      ("layerNormEpsilon", "0.0"), ("rmsNormEpsilon", "\(rmsNormEpsilon)"),
      ("ropeTheta", "\(ropeTheta)"), ("tiedEmbeddings", "\(tiedEmbeddings)"),
      ("vocabularySize", "\(sizes.vocabularySize)"), ("windowSize", "0"),
    ])
  }
}

/// Identities as text.
enum IdentityJSON {
  /// An object of members whose values are JSON already, in the order given: sorted keys.
  static func text(_ members: [(key: String, value: String)]) -> String {
    "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
  }
}
