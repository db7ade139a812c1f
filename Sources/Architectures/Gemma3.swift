import ModelFiles
import Numerics

/// Gemma 3's text models (arXiv 2503.19786): norms on both sides of each half and of each head's queries and keys,
/// scales of (1 + w), a gate of GELU, an embedding times √C, and five layers that see a window for each that sees
/// all, with another base of the angles.
public struct Gemma3: RotaryDecoderFamily {
  public static let family = "gemma3_text"
  public static let modelType = "gemma3_text"
  /// With its defaults in transformers: the published 4B model's file has none of these keys.
  public static let enclosing = [
    EnclosingModel(
      modelType: "gemma3", classes: ["Gemma3ForConditionalGeneration", "Gemma3Model"],
      defaults: [
        "num_attention_heads": .integer(8), "num_key_value_heads": .integer(4),
        "vocab_size": .integer(262_208), "max_position_embeddings": .integer(131_072),
      ])
  ]
  public static let ggufName: String? = "gemma3"
  public static let classes = (generator: "Gemma3ForCausalLM", model: "Gemma3TextModel")
  public static let traits = RotaryDecoderTraits {
    $0.normsHeads = true
    $0.normsOutputs = true
    $0.normOffset = 1
    $0.scalesEmbedding = true
    $0.unit = .geGLU
    $0.activation = .init(key: "hidden_activation", values: ["gelu_pytorch_tanh"])
    $0.windows = .pattern(period: 6, absent: 4096)
    $0.theta = 1_000_000
    $0.localTheta = 10_000
    $0.headSize = 256
    $0.requiresKeyValueHeads = true
    $0.tiesEmbeddings = true
    $0.capsLogits = true
    $0.layersOfScaledQueries = 62
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
