extension GeneratorConfiguration {
  /// Sizes beyond which no module is built, so that no product of two overflows.
  private static let largestSize = 1 << 24
  private static let mostLayers = 1024

  /// Throws `configuration`, naming the key, unless a module can be built.
  public func validate() throws(GenerationModuleError) {
    var sizes: [(CodingKeys, Int)] = [
      (.sourceWidth, sourceWidth), (.width, width), (.headCount, headCount),
      (.windowSize, windowSize), (.intermediateWidth, intermediateWidth),
      (.vocabularySize, vocabularySize), (.positions, positions),
      (.bridgeHeadCount, bridgeHeadCount), (.adapterWidth, adapterWidth),
    ]
    if conditioning == .aligned { sizes.append((.middleWidth, middleWidth)) }
    for (key, size) in sizes {
      try require(
        (1...Self.largestSize).contains(size), key, "1 to \(Self.largestSize)", "\(size)")
    }
    try require(
      (1...Self.mostLayers).contains(layerCount), .attentionKinds, "1 to \(Self.mostLayers) layers",
      "\(layerCount)")
    try require(width % headCount == 0, .headCount, "a divisor of width \(width)", "\(headCount)")
    try require(
      width % bridgeHeadCount == 0, .bridgeHeadCount, "a divisor of width \(width)",
      "\(bridgeHeadCount)")
    try require(
      layerNormEpsilon > 0 && layerNormEpsilon < 1, .layerNormEpsilon, "a number in 0 ..< 1",
      "\(layerNormEpsilon)")
    switch conditioning {
    case .prompt:
      try require(
        bridgeLayerCount == layerCount || bridgeLayerCount == 0, .bridgeLayerCount,
        "one a layer, \(layerCount), or 0 for a generator alone", "\(bridgeLayerCount)")
      try require(
        bridgeMask == .causal, .bridgeMask, "causal: every position reads the prompt alone",
        bridgeMask.rawValue)
    case .aligned:
      try require(
        (1...Self.mostLayers).contains(bridgeLayerCount), .bridgeLayerCount,
        "1 to \(Self.mostLayers)", "\(bridgeLayerCount)")
    }
    if let startToken {
      try require(
        startToken >= 0 && Int(startToken) < vocabularySize, .startToken,
        "a token below \(vocabularySize)", "\(startToken)")
    }
  }

  private func require(
    _ condition: Bool, _ key: CodingKeys, _ expected: String, _ found: String
  ) throws(GenerationModuleError) {
    guard condition else {
      throw .configuration(item: key.rawValue, expected: expected, found: found)
    }
  }
}
