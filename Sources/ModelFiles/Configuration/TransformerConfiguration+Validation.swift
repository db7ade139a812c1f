extension TransformerConfiguration {
  /// Throws `malformed`, naming `file` and the first quantity that is out of bounds.
  ///
  /// The bounds are far above any model and far below where a product of sizes, in bytes, would
  /// overflow: vocabulary times width, layers times positions times width.
  func validate(file: String) throws(ModelFileError) {
    func check(_ name: String, _ value: Int, in bounds: ClosedRange<Int>) throws(ModelFileError) {
      guard bounds.contains(value) else {
        throw .malformed(
          file: file, item: name, expected: "\(bounds.lowerBound) to \(bounds.upperBound)",
          found: "\(value)")
      }
    }
    try check("hidden size", hiddenSize, in: 1...1 << 20)
    try check("intermediate size", intermediateSize, in: 1...1 << 22)
    try check("layer count", layerCount, in: 1...1 << 12)
    try check("attention head count", headCount, in: 1...1 << 14)
    try check("key-value head count", keyValueHeadCount, in: 1...headCount)
    try check("head size", headSize, in: 1...1 << 14)
    try check("query width", headCount * headSize, in: 1...1 << 20)
    try check("vocabulary size", vocabularySize, in: 1...1 << 26)
    try check("maximum positions", maximumPositions, in: 1...1 << 28)
    guard headCount % keyValueHeadCount == 0 else {
      throw .malformed(
        file: file, item: "attention head count",
        expected: "a multiple of the \(keyValueHeadCount) key-value heads", found: "\(headCount)")
    }
    if architecture == .gptNeo {
      try check("window size", windowSize, in: 1...1 << 28)
      try check("number of attention layers", attentionKinds.count, in: layerCount...layerCount)
      try check("head count times head size", headCount * headSize, in: hiddenSize...hiddenSize)
      try check("key-value head count", keyValueHeadCount, in: headCount...headCount)
      try Self.checkPositive("LayerNorm epsilon", layerNormEpsilon, file: file)
    } else {
      guard headSize % 2 == 0 else {
        throw .malformed(
          file: file, item: "head size", expected: "an even number, as rotary pairs need",
          found: "\(headSize)")
      }
      try Self.checkPositive("RMSNorm epsilon", rmsNormEpsilon, file: file)
      try Self.checkPositive("RoPE theta", ropeTheta, file: file)
    }
  }

  private static func checkPositive(
    _ name: String, _ value: Float, file: String
  ) throws(ModelFileError) {
    guard value > 0, value.isFinite else {
      throw .malformed(
        file: file, item: name, expected: "a positive number", found: "\(value)")
    }
  }
}

extension TransformerConfiguration {
  /// The fields that decide hidden states and logits, as JSON with sorted keys: equal text means
  /// equal arithmetic. Token ids that only the tokenizer uses, and the trained length, are left
  /// out.
  public var architectureJSON: String {
    let kinds = attentionKinds.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
    let members = [
      ("architecture", "\"\(architecture.rawValue)\""),
      ("attentionBias", "\(attentionBias)"),
      ("attentionKinds", "[\(kinds)]"),
      ("headCount", "\(headCount)"),
      ("headSize", "\(headSize)"),
      ("hiddenSize", "\(hiddenSize)"),
      ("intermediateSize", "\(intermediateSize)"),
      ("keyValueHeadCount", "\(keyValueHeadCount)"),
      ("layerCount", "\(layerCount)"),
      ("layerNormEpsilon", "\(layerNormEpsilon)"),
      ("rmsNormEpsilon", "\(rmsNormEpsilon)"),
      ("ropeTheta", "\(ropeTheta)"),
      ("tiedEmbeddings", "\(tiedEmbeddings)"),
      ("vocabularySize", "\(vocabularySize)"),
      ("windowSize", "\(windowSize)"),
    ]
    return "{" + members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
  }
}
