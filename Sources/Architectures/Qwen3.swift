/// Qwen3: Llama with norms of each head's queries and keys.
public struct Qwen3: RotaryDecoderFamily {
  public static let family = "qwen3"
  public static let modelType = "qwen3"
  public static let ggufName: String? = "qwen3"
  public static let classes = (generator: "Qwen3ForCausalLM", model: "Qwen3Model")
  public static let traits = RotaryDecoderTraits {
    $0.normsHeads = true
    $0.requiresKeyValueHeads = true
    $0.headSize = 128
    $0.windows = .upperLayers
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
