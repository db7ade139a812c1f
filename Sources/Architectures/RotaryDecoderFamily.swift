import Layers
import ModelFiles

/// A family that is a rotary decoder: what it says of itself, and nothing more, makes it a source and a generator.
public protocol RotaryDecoderFamily: GeneratorArchitecture {
  /// Names of its classes in transformers, with the output head and without.
  static var classes: (generator: String, model: String) { get }

  /// Whether query, key and value projections have biases. The output projection has none: a configuration
  /// whose `attention_bias` says otherwise is refused.
  static var attentionBias: Bool { get }

  /// Whether `config.json` has to say how many key-value heads there are; else they are as many as heads.
  static var requiresKeyValueHeads: Bool { get }

  var decoder: RotaryDecoder { get }

  init(_ decoder: RotaryDecoder)
}

// As a source.
extension RotaryDecoderFamily {
  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: [Self.classes.generator, Self.classes.model])
    try reader.refuse(
      "attention_bias", unless: Self.attentionBias ? Checks.isTrue : Checks.isFalse,
      supported: "attention_bias \(Self.attentionBias ? "absent" : "false")")
    self.init(
      try RotaryDecoder(
        reader, requiresKeyValueHeads: Self.requiresKeyValueHeads,
        attentionBias: Self.attentionBias))
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    self.init(
      try RotaryDecoder(
        gguf: gguf, Self.ggufName ?? Self.family, attentionBias: Self.attentionBias))
  }

  public var identityJSON: String { decoder.identityJSON(Self.family) }
  public var width: Int { decoder.sizes.hiddenSize }
  public var layerCount: Int { decoder.sizes.layerCount }
  public var vocabularySize: Int { decoder.sizes.vocabularySize }
  public var maximumPositions: Int { decoder.sizes.maximumPositions }
  public var beginTokenID: Int32? { decoder.beginTokenID }
  public var endTokenIDs: [Int32] { decoder.endTokenIDs }
  public var embedding: EmbeddingDescription { RotaryDecoder.embedding }
  public func block(_ layer: Int) -> BlockDescription { decoder.block(layer) }
  public var finalNorm: FinalNormDescription? { decoder.finalNorm }
  public var outputHead: OutputHeadDescription? { decoder.outputHead }
}

// As a generator.
extension RotaryDecoderFamily {
  public init(design: BackboneDesign) throws(ModelFileError) {
    self.init(try RotaryDecoder(design: design, attentionBias: Self.attentionBias))
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    self.init(try RotaryDecoder(checkpoint: reader, attentionBias: Self.attentionBias))
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.checkpointMembers
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.huggingFaceMembers(Self.modelType, architecture: Self.classes.generator)
  }
}
