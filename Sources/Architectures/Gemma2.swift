import Numerics

/// Gemma 2 (arXiv 2408.00118): Gemma 3 without norms of heads, with soft caps on attention's scores and on logits,
/// and one layer that sees a window for each that sees all.
public struct Gemma2: RotaryDecoderFamily {
  public static let family = "gemma2"
  public static let modelType = "gemma2"
  public static let ggufName: String? = "gemma2"
  public static let classes = (generator: "Gemma2ForCausalLM", model: "Gemma2Model")
  public static let traits = RotaryDecoderTraits {
    $0.normsOutputs = true
    $0.normOffset = 1
    $0.scalesEmbedding = true
    $0.unit = .geGLU
    $0.activation = .init(key: "hidden_activation", values: ["gelu_pytorch_tanh"])
    $0.windows = .pattern(period: 2, absent: 4096)
    $0.headSize = 256
    $0.requiresKeyValueHeads = true
    $0.tiesEmbeddings = true
    $0.capsLogits = true
    $0.capsScores = true
    $0.layersOfScaledQueries = 46
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
