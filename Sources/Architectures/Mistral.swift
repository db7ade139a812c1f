/// Mistral: Llama in which every layer sees a window of earlier tokens. As GGUF it is a file of the llama
/// architecture, which says nothing of a window.
public struct Mistral: RotaryDecoderFamily {
  public static let family = "mistral"
  public static let modelType = "mistral"
  public static let classes = (generator: "MistralForCausalLM", model: "MistralModel")
  public static let traits = RotaryDecoderTraits {
    $0.requiresKeyValueHeads = true
    $0.windows = .everyLayer(absent: 4096)
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
