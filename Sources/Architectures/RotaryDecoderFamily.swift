import Layers
import ModelFiles

/// A family that is a rotary decoder: what it says of itself, and nothing more, makes it a source and a generator.
public protocol RotaryDecoderFamily: GeneratorArchitecture {
  /// Names of its classes in transformers, with the output head and without.
  static var classes: (generator: String, model: String) { get }

  static var traits: RotaryDecoderTraits { get }

  var decoder: RotaryDecoder { get }

  init(_ decoder: RotaryDecoder)
}

// As a source.
extension RotaryDecoderFamily {
  public init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try Checks.refuseUnimplemented(reader, classes: [Self.classes.generator, Self.classes.model])
    self.init(try RotaryDecoder(reader, Self.traits))
  }

  public init(gguf: GGUFFile) throws(ModelFileError) {
    self.init(try RotaryDecoder(gguf: gguf, Self.ggufName ?? Self.family, Self.traits))
  }

  public static var nameRoot: String { RotaryDecoder.nameRoot }
  public func part(_ name: String, isGGUF: Bool) -> TensorPart {
    decoder.part(name, isGGUF: isGGUF)
  }

  public var identityJSON: String { decoder.identityJSON(Self.family) }
  public var width: Int { decoder.sizes.hiddenSize }
  public var layerCount: Int { decoder.sizes.layerCount }
  public var vocabularySize: Int { decoder.sizes.vocabularySize }
  public var maximumPositions: Int { decoder.sizes.maximumPositions }
  public var beginTokenID: Int32? { decoder.beginTokenID }
  public var endTokenIDs: [Int32] { decoder.endTokenIDs }
  public var embedding: EmbeddingDescription { decoder.embedding }
  public func block(_ layer: Int) -> BlockDescription { decoder.block(layer) }
  public var finalNorm: NormDescription? { decoder.finalNorm }
  public var outputHead: OutputHeadDescription? { decoder.outputHead }
}

// As a generator.
extension RotaryDecoderFamily {
  public init(design: BackboneDesign) throws(ModelFileError) {
    self.init(try RotaryDecoder(design: design, Self.traits))
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    self.init(try RotaryDecoder(checkpoint: reader, Self.traits))
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.checkpointMembers
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    decoder.huggingFaceMembers(Self.modelType, architecture: Self.classes.generator)
  }
}
