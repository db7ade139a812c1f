import ModelFiles

// Sizes of a generator's backbone, from flags and from checkpoints, for families whose heads have keys and values of
// their own.
extension Checks {
  /// 4 C; 0 where that is no number, which no check lets pass.
  static func fourfold(_ width: Int) -> Int {
    let (product, overflow) = width.multipliedReportingOverflow(by: 4)
    return overflow ? 0 : product
  }

  static func requireOwnKeyValueHeads(_ design: BackboneDesign) throws(ModelFileError) {
    try GeneratorLimits.require(
      design.keyValueHeads == nil, "key_value_heads", "none: every head has its own here",
      "\(design.keyValueHeads ?? 0)", file: GeneratorLimits.flags)
  }

  /// - Parameter pairs: whether heads have to be of an even size.
  static func sizes(
    of design: BackboneDesign, intermediateSize: Int, pairs: Bool, file: String
  ) throws(ModelFileError) -> TransformerSizes {
    for (key, size) in [("width", design.width), ("heads", design.heads)] {
      try GeneratorLimits.requireSize(key, size, file: file)
    }
    let unit = pairs ? 2 : 1
    try GeneratorLimits.require(
      design.width % (unit * design.heads) == 0, "heads",
      pairs
        ? "a divisor of half the width, \(design.width / 2): rotary positions turn pairs of a head"
        : "a divisor of width \(design.width)", "\(design.heads)", file: file)
    let sizes = TransformerSizes(
      hiddenSize: design.width, intermediateSize: intermediateSize, layerCount: design.layers,
      headCount: design.heads, keyValueHeadCount: design.heads,
      headSize: design.width / design.heads, vocabularySize: design.vocabulary,
      maximumPositions: design.positions)
    try requireGenerator(sizes, file: file)
    return sizes
  }

  static func sizes(
    checkpoint reader: ConfigurationReader
  ) throws(ModelFileError) -> TransformerSizes {
    let (width, heads) = (
      try reader.requiredInteger("width"), try reader.requiredInteger("heads")
    )
    for (key, size) in [("width", width), ("heads", heads)] {
      try GeneratorLimits.requireSize(key, size, file: reader.file)
    }
    try GeneratorLimits.require(
      width % heads == 0, "heads", "a divisor of width \(width)", "\(heads)", file: reader.file)
    let sizes = TransformerSizes(
      hiddenSize: width, intermediateSize: try reader.requiredInteger("intermediate_width"),
      layerCount: try reader.requiredInteger("layers"), headCount: heads,
      keyValueHeadCount: heads, headSize: width / heads,
      vocabularySize: try reader.requiredInteger("vocabulary"),
      maximumPositions: try reader.requiredInteger("positions"))
    try requireGenerator(sizes, file: reader.file)
    return sizes
  }

  private static func requireGenerator(
    _ sizes: TransformerSizes, file: String
  ) throws(ModelFileError) {
    for (key, size) in [
      ("intermediate_width", sizes.intermediateSize), ("vocabulary", sizes.vocabularySize),
      ("positions", sizes.maximumPositions),
    ] {
      try GeneratorLimits.requireSize(key, size, file: file)
    }
    try GeneratorLimits.require(
      (1...GeneratorLimits.mostLayers).contains(sizes.layerCount), "layers",
      "1 to \(GeneratorLimits.mostLayers) layers", "\(sizes.layerCount)", file: file)
  }

  static func checkpointMembers(
    _ sizes: TransformerSizes
  ) -> [(key: String, value: any Encodable & Sendable)] {
    [
      ("heads", sizes.headCount), ("intermediate_width", sizes.intermediateSize),
      ("layers", sizes.layerCount), ("positions", sizes.maximumPositions),
      ("vocabulary", sizes.vocabularySize), ("width", sizes.hiddenSize),
    ]
  }
}
