/// Llama 1 to 3, and what is built as they are: SmolLM2. Its layers are `Layers`' `TransformerBlock`, both ways, as
/// `RotaryDecoder.block` describes them.
public struct Llama: RotaryDecoderFamily {
  public static let family = "llama"
  public static let modelType = "llama"
  public static let ggufName: String? = "llama"
  public static let classes = (generator: "LlamaForCausalLM", model: "LlamaModel")
  public static let traits = RotaryDecoderTraits { $0.choosesBiases = true }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
