/// Phi-3, Phi-3.5 and Phi-4: Llama with query, key and value in one tensor, and gate and up in another.
public struct Phi3: RotaryDecoderFamily {
  public static let family = "phi3"
  public static let modelType = "phi3"
  public static let ggufName: String? = "phi3"
  public static let classes = (generator: "Phi3ForCausalLM", model: "Phi3Model")
  public static let traits = RotaryDecoderTraits {
    $0.isFused = true
    $0.windows = .everyLayer(absent: nil)
    $0.epsilon = 1e-5
    $0.saysOriginalPositions = true
    $0.scalingNames = ["su": "longrope", "yarn": "longrope"]
  }

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }
}
