import ModelFiles

extension RotaryDecoder {
  /// Reads the metadata of a GGUF file of a family whose keys begin with `name`. Any key of the
  /// architecture and any tensor that is not known here is refused by its name: it may change the
  /// result.
  init(gguf: GGUFFile, _ name: String, attentionBias: Bool) throws(ModelFileError) {
    try Self.refuseUnimplemented(gguf, name, hasBiases: attentionBias)
    func key(_ suffix: String) -> String { "\(name).\(suffix)" }

    let hiddenSize = Int(try gguf.integer(key("embedding_length")))
    let headCount = try gguf.uniformInteger(key("attention.head_count"))
    sizes = TransformerSizes(
      hiddenSize: hiddenSize,
      intermediateSize: try gguf.uniformInteger(key("feed_forward_length")),
      layerCount: Int(try gguf.integer(key("block_count"))), headCount: headCount,
      keyValueHeadCount: gguf.contains(key("attention.head_count_kv"))
        ? try gguf.uniformInteger(key("attention.head_count_kv")) : headCount,
      headSize: try Self.headSize(gguf, name, width: hiddenSize, heads: headCount),
      vocabularySize: try Self.vocabularySize(gguf, name),
      maximumPositions: Int(try gguf.integer(key("context_length"))))
    rmsNormEpsilon = try gguf.float(key("attention.layer_norm_rms_epsilon"))
    ropeTheta =
      gguf.contains(key("rope.freq_base")) ? try gguf.float(key("rope.freq_base")) : 10_000
    tiedEmbeddings = !gguf.tensors.contains { $0.name == "output.weight" }
    self.attentionBias = attentionBias
    beginTokenID = try Self.tokenID(gguf, "tokenizer.ggml.bos_token_id")
    let end = try Self.tokenID(gguf, "tokenizer.ggml.eos_token_id")
    endTokenIDs = end.map { [$0] } ?? []
    try validate(file: gguf.path)
  }

  private static func headSize(
    _ gguf: GGUFFile, _ name: String, width: Int, heads: Int
  ) throws(ModelFileError) -> Int {
    var headSize: Int
    if gguf.contains("\(name).attention.key_length") {
      headSize = Int(try gguf.integer("\(name).attention.key_length"))
    } else {
      guard heads > 0, width % heads == 0 else {
        throw .malformed(
          file: gguf.path, item: "\(name).attention.head_count",
          expected: "a divisor of the width \(width)", found: "\(heads)")
      }
      headSize = width / heads
    }
    for key in ["attention.value_length", "rope.dimension_count"].map({ "\(name).\($0)" })
    where gguf.contains(key) {
      let value = try gguf.integer(key)
      guard value == headSize else {
        throw .unsupported(
          file: gguf.path, item: key, found: "\(value)", supported: "\(key) \(headSize), a head's")
      }
    }
    return headSize
  }

  /// The rows of the embedding, which `vocab_size` must not contradict.
  private static func vocabularySize(
    _ gguf: GGUFFile, _ name: String
  ) throws(ModelFileError) -> Int {
    guard let embedding = gguf.tensors.first(where: { $0.name == "token_embd.weight" }),
      let rows = embedding.shape.first
    else {
      throw .missing(
        file: gguf.path, item: "tensor token_embd.weight",
        advice: "use a file that holds weights, not a vocabulary alone")
    }
    let key = "\(name).vocab_size"
    if gguf.contains(key) {
      let size = try gguf.integer(key)
      guard size == rows else {
        throw .malformed(
          file: gguf.path, item: "metadata key \(key)", expected: "the embedding's \(rows) rows",
          found: "\(size)")
      }
    }
    return rows
  }

  private static func tokenID(_ gguf: GGUFFile, _ key: String) throws(ModelFileError) -> Int32? {
    guard gguf.contains(key) else { return nil }
    let value = try gguf.integer(key)
    guard let id = Int32(exactly: value) else {
      throw .malformed(
        file: gguf.path, item: "metadata key \(key)", expected: "a token id", found: "\(value)")
    }
    return id
  }
}
