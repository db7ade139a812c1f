import ModelFiles

/// Llama, and what is built as it: SmolLM2.
public struct Llama: RotaryDecoderFamily {
  public static let family = "llama"
  public static let modelType = "llama"
  public static let ggufName: String? = "llama"

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: ["LlamaForCausalLM", "LlamaModel"])
    // It would put a bias on the output projection too.
    try reader.refuse(
      "attention_bias", unless: Checks.isFalse, supported: "attention_bias false")
    decoder = try RotaryDecoder(reader, requiresKeyValueHeads: false, attentionBias: false)
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    decoder = try RotaryDecoder(gguf: gguf, "llama", attentionBias: false)
  }
}

extension Llama: GeneratorArchitecture {
  public init(design: BackboneDesign) throws(ModelFileError) {
    decoder = try RotaryDecoder(design: design, attentionBias: false)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    decoder = try RotaryDecoder(checkpoint: reader, attentionBias: false)
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.checkpointMembers(Self.family)
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.huggingFaceMembers(Self.modelType, architecture: "LlamaForCausalLM")
  }
}
