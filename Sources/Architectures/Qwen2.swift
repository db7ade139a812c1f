/// Qwen2: Llama with biases on query, key and value.
public struct Qwen2: RotaryDecoderFamily {
  public static let family = "qwen2"
  public static let modelType = "qwen2"
  public static let ggufName: String? = "qwen2"
  public static let classes = (generator: "Qwen2ForCausalLM", model: "Qwen2Model")
  public static let traits = RotaryDecoderTraits {
    $0.biases = .attentionInputs
    // Absent, transformers takes 32 whatever the model's size: their number is asked for.
    $0.requiresKeyValueHeads = true
    $0.windows = .upperLayers
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
