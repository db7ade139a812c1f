import Architectures
import Layers
import ModelFiles
import Numerics

/// A decoder that the program does not have: no positions but what is seen of them, as every layer's window is
/// one token wider than the one before; capped scores; a gated feed-forward.
struct Ripple: GeneratorArchitecture {
  static let family = "ripple"
  static let modelType = "ripple"

  let width: Int
  let layerCount: Int
  let heads: Int
  let vocabularySize: Int
  let maximumPositions: Int

  let beginTokenID: Int32? = nil
  let endTokenIDs: [Int32] = []

  init(design: BackboneDesign) throws(ModelFileError) {
    try self.init(
      width: design.width, layers: design.layers, heads: design.heads,
      vocabulary: design.vocabulary, positions: design.positions, file: "the generator")
  }

  init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    try self.init(
      width: try reader.requiredInteger("width"), layers: try reader.requiredInteger("layers"),
      heads: try reader.requiredInteger("heads"),
      vocabulary: try reader.requiredInteger("vocabulary"),
      positions: try reader.requiredInteger("positions"), file: reader.file)
  }

  init(huggingFace reader: ConfigurationReader) throws(ModelFileError) {
    try self.init(checkpoint: reader)
  }

  private init(
    width: Int, layers: Int, heads: Int, vocabulary: Int, positions: Int, file: String
  ) throws(ModelFileError) {
    guard width > 0, heads > 0, width % heads == 0 else {
      throw .malformed(
        file: file, item: "heads", expected: "a divisor of width \(width)", found: "\(heads)")
    }
    self.width = width
    layerCount = layers
    self.heads = heads
    vocabularySize = vocabulary
    maximumPositions = positions
  }

  var identityJSON: String {
    #"{"architecture":"ripple","heads":\#(heads),"layers":\#(layerCount),"width":\#(width)}"#
  }

  var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    [
      ("heads", heads), ("layers", layerCount),
      ("positions", maximumPositions), ("vocabulary", vocabularySize), ("width", width),
    ]
  }

  var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    checkpointMembers + [("model_type", Self.modelType)]
  }

  var embedding: EmbeddingDescription { EmbeddingDescription(tokens: "ripple.tokens.weight") }

  private static let norm = NormKind.layer(epsilon: 1e-5)

  func block(_ layer: Int) -> BlockDescription {
    let prefix = "ripple.\(layer)"
    func projection(_ name: String) -> ProjectionDescription {
      ProjectionDescription("\(prefix).\(name)", hasBias: true)
    }
    return BlockDescription(
      width: width, norm: Self.norm,
      attention: AttentionDescription(
        heads: AttentionHeads(
          count: heads, size: width / heads, queryScale: 1 / Float(width / heads).squareRoot()),
        window: 6 + layer, softCap: 20, query: projection("q"), key: projection("k"),
        value: projection("v"), output: projection("o")),
      feedForward: .gated(
        inner: 2 * width, gate: projection("gate"), up: projection("up"), down: projection("down")),
      attentionNorm: "\(prefix).norm_1", feedForwardNorm: "\(prefix).norm_2")
  }

  var finalNorm: NormDescription? { NormDescription("ripple.norm", Self.norm) }

  var outputHead: OutputHeadDescription? {
    OutputHeadDescription("lm_head.weight", isTied: true)
  }
}
