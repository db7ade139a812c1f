/// Qwen2: Llama with biases on query, key and value.
public struct Qwen2: RotaryDecoderFamily {
  public static let family = "qwen2"
  public static let modelType = "qwen2"
  public static let ggufName: String? = "qwen2"
  public static let classes = (generator: "Qwen2ForCausalLM", model: "Qwen2Model")
  public static let attentionBias = true
  /// Absent, transformers take 32 whatever the model's size: their number is asked for.
  public static let requiresKeyValueHeads = true

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
