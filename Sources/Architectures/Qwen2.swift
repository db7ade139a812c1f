import ModelFiles

/// Qwen2: Llama with biases on query, key and value.
public struct Qwen2: RotaryDecoderFamily {
  public static let family = "qwen2"
  public static let modelType = "qwen2"
  public static let ggufName: String? = "qwen2"

  public let decoder: RotaryDecoder

  public init(_ decoder: RotaryDecoder) { self.decoder = decoder }

  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: ["Qwen2ForCausalLM", "Qwen2Model"])
    // It has biases whatever the key says.
    try reader.refuse(
      "attention_bias", unless: Checks.isTrue, supported: "attention_bias absent")
    // Absent, it has 32 key-value heads whatever the model's size: ask for their number.
    decoder = try RotaryDecoder(reader, requiresKeyValueHeads: true, attentionBias: true)
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    decoder = try RotaryDecoder(gguf: gguf, "qwen2", attentionBias: true)
  }
}

extension Qwen2: GeneratorArchitecture {
  public init(design: BackboneDesign) throws(ModelFileError) {
    decoder = try RotaryDecoder(design: design, attentionBias: true)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    decoder = try RotaryDecoder(checkpoint: reader, attentionBias: true)
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.checkpointMembers(Self.family)
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.huggingFaceMembers(Self.modelType, architecture: "Qwen2ForCausalLM")
  }
}
