import Layers
import ModelFiles

extension GPT2: GeneratorArchitecture {
  public init(design: BackboneDesign) throws(ModelFileError) {
    let file = GeneratorLimits.flags
    try Checks.requireOwnKeyValueHeads(design)
    try self.init(
      try Checks.sizes(
        of: design, intermediateSize: Checks.fourfold(design.width), pairs: false, file: file),
      epsilon: 1e-5, file: file)
  }

  public init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    let epsilon = try reader.requiredFloat("layer_norm_epsilon")
    try self.init(try Checks.sizes(checkpoint: reader), epsilon: epsilon, file: reader.file)
    scalesScores = try reader.requiredBool("scale_attention")
    scalesScoresByLayer = try reader.requiredBool("scale_attention_by_layer")
    tiedEmbeddings = try reader.requiredBool("tied_head")
  }

  private init(
    _ sizes: TransformerSizes, epsilon: Float, file: String
  ) throws(ModelFileError) {
    self.sizes = sizes
    layerNormEpsilon = epsilon
    scalesScores = true
    scalesScoresByLayer = false
    tiedEmbeddings = true
    beginTokenID = nil
    endTokenIDs = []
    try validate(file: file)
  }

  public var checkpointMembers: [(key: String, value: any Encodable & Sendable)] {
    Checks.checkpointMembers(sizes) + [
      ("layer_norm_epsilon", layerNormEpsilon), ("scale_attention", scalesScores),
      ("scale_attention_by_layer", scalesScoresByLayer), ("tied_head", tiedEmbeddings),
    ]
  }

  public var huggingFaceMembers: [(key: String, value: any Encodable & Sendable)] {
    [
      ("activation_function", "gelu_new"), ("architectures", ["GPT2LMHeadModel"]),
      ("layer_norm_epsilon", layerNormEpsilon), ("model_type", Self.modelType),
      ("n_embd", width), ("n_head", sizes.headCount), ("n_inner", sizes.intermediateSize),
      ("n_layer", layerCount), ("n_positions", sizes.maximumPositions),
      ("scale_attn_by_inverse_layer_idx", scalesScoresByLayer),
      ("scale_attn_weights", scalesScores), ("tie_word_embeddings", tiedEmbeddings),
      ("vocab_size", vocabularySize),
    ]
  }
}
