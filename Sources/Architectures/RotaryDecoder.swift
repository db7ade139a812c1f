import Layers
import ModelFiles
import Numerics

/// What the decoders with rotary positions, root mean square norms and gated feed-forward have in common:
/// Llama, and those after it. What sets a family apart are its traits.
public struct RotaryDecoder: Sendable, Equatable {
  public let traits: RotaryDecoderTraits
  public var sizes: TransformerSizes
  public var rmsNormEpsilon: Float
  public var rotary: RotaryDescription
  /// Of layers with a window, where it is another.
  public var localRotary: RotaryDescription?
  /// How far back each layer sees, its own position among them, nil: all; none where all see all.
  public var windows: [Int?] = []
  /// What queries are divided by the root of; nil: D.
  public var queryScalar: Float?
  public var attentionSoftCap: Float?
  public var logitSoftCap: Float?
  /// Whether the output layer is the embedding.
  public var tiedEmbeddings: Bool
  public var beginTokenID: Int32?
  public var endTokenIDs: [Int32]

  /// The projections that have biases.
  public var biases: ProjectionBiases

  /// Base of the rotary angles.
  public var ropeTheta: Float {
    get { rotary.theta }
    set { rotary.theta = newValue }
  }

  /// Whether queries, keys and values have biases.
  public var attentionBias: Bool { biases.contains(.attentionInputs) }

  mutating func validate(file: String) throws(ModelFileError) {
    try Checks.requireSizes(sizes, file: file)
    for rotary in [rotary, localRotary].compactMap(\.self) {
      try Checks.requireRotary(rotary, headSize: sizes.headSize, file: file)
    }
    try Checks.requirePositive("RMSNorm epsilon", rmsNormEpsilon, file: file)
    if let queryScalar { try Checks.requirePositive("query scalar", queryScalar, file: file) }
    if queryScalar == Float(sizes.headSize) { queryScalar = nil }
    for cap in [attentionSoftCap, logitSoftCap].compactMap(\.self) {
      try Checks.requirePositive("soft cap", cap, file: file)
    }
    for case let window? in windows {
      try Checks.require("sliding window", window, in: 1...1 << 28, file: file)
    }
    // A window no shorter than the context hides nothing.
    windows = windows.map { $0.flatMap { $0 < sizes.maximumPositions ? $0 : nil } }
    if windows.allSatisfy({ $0 == nil }) { windows = [] }
    if windows.isEmpty { localRotary = nil }
    if localRotary == rotary { localRotary = nil }
  }

  func window(_ layer: Int) -> Int? { windows.isEmpty ? nil : windows[layer] }

  var norm: NormKind { .rootMeanSquare(epsilon: rmsNormEpsilon) }

  static let nameRoot = "model."

  var embedding: EmbeddingDescription {
    EmbeddingDescription(
      tokens: "model.embed_tokens.weight",
      scale: traits.scalesEmbedding ? Float(sizes.hiddenSize).squareRoot() : 1)
  }

  var finalNorm: NormDescription { NormDescription("model.norm", norm) }

  var outputHead: OutputHeadDescription {
    OutputHeadDescription("lm_head.weight", isTied: tiedEmbeddings, softCap: logitSoftCap)
  }

  func block(_ layer: Int) -> BlockDescription {
    let prefix = "model.layers.\(layer)"
    func projection(_ name: String, _ biased: ProjectionBiases) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: biases.contains(biased))
    }
    func headNorm(_ name: String) -> NormDescription? {
      traits.normsHeads ? NormDescription("\(prefix).self_attn.\(name)", norm) : nil
    }
    let window = window(layer)
    return BlockDescription(
      width: sizes.hiddenSize, norm: norm,
      arrangement: traits.normsOutputs
        ? .around(
          attention: "\(prefix).post_attention_layernorm",
          feedForward: "\(prefix).post_feedforward_layernorm") : .before,
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: sizes.headCount, keyValueCount: sizes.keyValueHeadCount, size: sizes.headSize,
          queryScale: 1 / (queryScalar ?? Float(sizes.headSize)).squareRoot()),
        window: window, softCap: attentionSoftCap,
        rotary: window == nil ? rotary : localRotary ?? rotary,
        queryNorm: headNorm("q_norm"), keyNorm: headNorm("k_norm"),
        query: projection("self_attn.q_proj", .attentionInputs),
        key: projection("self_attn.k_proj", .attentionInputs),
        value: projection("self_attn.v_proj", .attentionInputs),
        output: projection("self_attn.o_proj", .attentionOutput)),
      feedForward: .gated(
        traits.unit, inner: sizes.intermediateSize, gate: projection("mlp.gate_proj", .feedForward),
        up: projection("mlp.up_proj", .feedForward),
        down: projection("mlp.down_proj", .feedForward)),
      attentionNorm: "\(prefix).input_layernorm",
      feedForwardNorm: traits.normsOutputs
        ? "\(prefix).pre_feedforward_layernorm" : "\(prefix).post_attention_layernorm")
  }

  /// The identity's JSON. Its first keys are those that a cache of Llama's or Qwen2's has always had, GPT-Neo's
  /// among them; what those families have not is said where it is there.
  func identityJSON(_ family: String) -> String {
    var members = [
      ("architecture", "\"\(family)\""), ("attentionBias", "\(attentionBias)"),
      ("attentionKinds", "[]"), ("headCount", "\(sizes.headCount)"),
      ("headSize", "\(sizes.headSize)"), ("hiddenSize", "\(sizes.hiddenSize)"),
      ("intermediateSize", "\(sizes.intermediateSize)"),
      ("keyValueHeadCount", "\(sizes.keyValueHeadCount)"), ("layerCount", "\(sizes.layerCount)"),
      ("layerNormEpsilon", "0.0"), ("rmsNormEpsilon", "\(rmsNormEpsilon)"),
      ("ropeTheta", "\(ropeTheta)"), ("tiedEmbeddings", "\(tiedEmbeddings)"),
      ("vocabularySize", "\(sizes.vocabularySize)"), ("windowSize", "0"),
    ]
    if biases.contains(.attentionOutput) { members.append(("attentionOutputBias", "true")) }
    if biases.contains(.feedForward) { members.append(("feedForwardBias", "true")) }
    if let queryScalar { members.append(("queryScalar", "\(queryScalar)")) }
    if let attentionSoftCap { members.append(("attentionSoftCap", "\(attentionSoftCap)")) }
    if let logitSoftCap { members.append(("logitSoftCap", "\(logitSoftCap)")) }
    if let dimensions = rotary.dimensions { members.append(("ropeDimensions", "\(dimensions)")) }
    if rotary.scaling != .none { members.append(("ropeScaling", rotary.scaling.identityJSON)) }
    if let localRotary { members.append(("localRopeTheta", "\(localRotary.theta)")) }
    if !windows.isEmpty {
      members.append(("windows", "[" + windows.map { "\($0 ?? 0)" }.joined(separator: ",") + "]"))
    }
    return IdentityJSON.text(members)
  }
}

/// Identities as text.
enum IdentityJSON {
  /// An object of members whose values are JSON already, sorted by their keys.
  static func text(_ members: [(key: String, value: String)]) -> String {
    "{"
      + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
      .joined(separator: ",") + "}"
  }
}
