/// The transformer families that Denju computes.
public enum Architecture: String, Codable, Sendable, CaseIterable {
  case llama
  case qwen2
  case gptNeo = "gpt_neo"
}

/// How a GPT-Neo layer attends: to every earlier position, or to the last `windowSize`.
public enum AttentionKind: String, Codable, Sendable {
  case global
  case local
}

/// Everything besides the weights that decides a transformer's values, from a Hugging Face
/// `config.json` or GGUF metadata. A configuration that exists is sound: sizes are positive and
/// bounded so that no product of them overflows, and query heads divide over key-value heads.
public struct TransformerConfiguration: Codable, Equatable, Sendable {
  public let architecture: Architecture

  /// Width of the hidden states.
  public let hiddenSize: Int

  /// Width inside the feed-forward block.
  public let intermediateSize: Int
  public let layerCount: Int
  public let headCount: Int
  public let keyValueHeadCount: Int

  /// Width of one attention head; `headCount * headSize` need not be `hiddenSize`.
  public let headSize: Int
  public let vocabularySize: Int

  /// Positions the model was trained for.
  public let maximumPositions: Int

  /// Llama and Qwen2; zero in GPT-Neo, which has `layerNormEpsilon`.
  public let rmsNormEpsilon: Float

  /// Base of the rotary angles; zero in GPT-Neo, which has learned positions.
  public let ropeTheta: Float

  /// Whether the output layer is the embedding.
  public let tiedEmbeddings: Bool

  /// Whether query, key and value projections have biases (Qwen2's do).
  public let attentionBias: Bool

  /// GPT-Neo: positions a local layer sees, its own among them; zero elsewhere.
  public let windowSize: Int

  /// GPT-Neo: one a layer; empty elsewhere.
  public let attentionKinds: [AttentionKind]

  /// GPT-Neo; zero elsewhere.
  public let layerNormEpsilon: Float

  public let beginTokenID: Int32?
  public let endTokenIDs: [Int32]

  /// The first of `endTokenIDs`.
  public var endTokenID: Int32? { endTokenIDs.first }

  /// The name of the token embedding's weight.
  public var embeddingName: String {
    architecture == .gptNeo ? "transformer.wte.weight" : "model.embed_tokens.weight"
  }

  /// The layer 0 (embedding) ... N that `asked` names, which may count from the end: -1 is N. Nil
  /// where there is none.
  public func layer(_ asked: Int) -> Int? {
    let layer = asked < 0 ? layerCount + 1 + asked : asked
    return (0...layerCount).contains(layer) ? layer : nil
  }

  /// Decodes what `Codable` encoded and validates it, so that a stored configuration is as sound as
  /// one that was just read.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    architecture = try values.decode(Architecture.self, forKey: .architecture)
    hiddenSize = try values.decode(Int.self, forKey: .hiddenSize)
    intermediateSize = try values.decode(Int.self, forKey: .intermediateSize)
    layerCount = try values.decode(Int.self, forKey: .layerCount)
    headCount = try values.decode(Int.self, forKey: .headCount)
    keyValueHeadCount = try values.decode(Int.self, forKey: .keyValueHeadCount)
    headSize = try values.decode(Int.self, forKey: .headSize)
    vocabularySize = try values.decode(Int.self, forKey: .vocabularySize)
    maximumPositions = try values.decode(Int.self, forKey: .maximumPositions)
    rmsNormEpsilon = try values.decode(Float.self, forKey: .rmsNormEpsilon)
    ropeTheta = try values.decode(Float.self, forKey: .ropeTheta)
    tiedEmbeddings = try values.decode(Bool.self, forKey: .tiedEmbeddings)
    attentionBias = try values.decode(Bool.self, forKey: .attentionBias)
    windowSize = try values.decode(Int.self, forKey: .windowSize)
    attentionKinds = try values.decode([AttentionKind].self, forKey: .attentionKinds)
    layerNormEpsilon = try values.decode(Float.self, forKey: .layerNormEpsilon)
    beginTokenID = try values.decodeIfPresent(Int32.self, forKey: .beginTokenID)
    endTokenIDs = try values.decode([Int32].self, forKey: .endTokenIDs)
    try validate(file: "stored configuration")
  }
}
