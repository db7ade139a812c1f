import Architectures
import ModelFiles

/// Which states the bridge of `aligned` sees from a position.
public enum BridgeMask: String, Codable, Sendable {
  /// Those up to the position.
  case causal
  /// All, later ones too, as in the published code: states that contain the very tokens to
  /// predict. For replication alone.
  case published
}

/// What `config.json` has of the bridges that come with the program.
struct BridgeSettings: Equatable, Sendable {
  var headCount: Int
  /// Layers of enhanced cross-attention.
  var layerCount: Int
  var adapterWidth: Int
  /// `prompt`: how many learned weightings of all states are read at once where the answer begins; 0 where none is.
  var pooledWeightings: Int
  /// `aligned`: the width between the source's and the generator's on the intermediate path; 0 elsewhere.
  var middleWidth: Int
  var mask: BridgeMask
  /// `prompt`: how much of the prompt the generator itself embeds; all elsewhere.
  var generatorPrompt: GeneratorPrompt
  /// `prompt`: what the generator embeds first where it embeds nothing of the prompt.
  var startToken: Int32?

  init(
    headCount: Int, layerCount: Int, adapterWidth: Int, pooledWeightings: Int = 0,
    middleWidth: Int, mask: BridgeMask,
    generatorPrompt: GeneratorPrompt, startToken: Int32?
  ) {
    self.headCount = headCount
    self.layerCount = layerCount
    self.adapterWidth = adapterWidth
    self.pooledWeightings = pooledWeightings
    self.middleWidth = middleWidth
    self.mask = mask
    self.generatorPrompt = generatorPrompt
    self.startToken = startToken
  }

  init(checkpoint reader: ConfigurationReader) throws(ModelFileError) {
    func text(_ key: String) throws(ModelFileError) -> String {
      guard let text = try reader.string(key) else { throw reader.missing(key) }
      return text
    }
    headCount = try reader.requiredInteger("bridge_heads")
    layerCount = try reader.requiredInteger("bridge_layers")
    adapterWidth = try reader.requiredInteger("adapter_width")
    pooledWeightings = try reader.integer("pooled_weightings") ?? 0
    middleWidth = try reader.requiredInteger("middle_width")
    let mask = try text("mask")
    guard let known = BridgeMask(rawValue: mask) else {
      throw reader.unsupported("mask", .string(mask), supported: "mask causal or published")
    }
    self.mask = known
    let prompt = try text("generator_prompt")
    guard let part = GeneratorPrompt(prompt) else {
      throw reader.unsupported(
        "generator_prompt", .string(prompt), supported: "generator_prompt all, last:N or none")
    }
    generatorPrompt = part
    startToken = try reader.tokenIDs("start_token").first
  }

  var members: [(key: String, value: any Encodable & Sendable)] {
    var members: [(key: String, value: any Encodable & Sendable)] = [
      ("adapter_width", adapterWidth), ("bridge_heads", headCount), ("bridge_layers", layerCount),
      ("generator_prompt", generatorPrompt), ("mask", mask), ("middle_width", middleWidth),
    ]
    if pooledWeightings > 0 { members.append(("pooled_weightings", pooledWeightings)) }
    if let startToken { members.append(("start_token", startToken)) }
    return members
  }

  static let largestSize = 1 << 24
  static let mostLayers = 1024
  static let mostWeightings = 64
  /// So that the sizes of all parameters together do not overflow.
  static let mostStreams = 8

  func validate(
    _ backbone: any GeneratorArchitecture, streams: [StreamShape]
  ) throws(GeneratorError) {
    try Self.require(
      (1...Self.mostStreams).contains(streams.count), "source_widths",
      "those of 1 to \(Self.mostStreams) streams", "\(streams.count)")
    for stream in streams { try requireSize("source_width", stream.width) }
    try requireSize("bridge_heads", headCount)
    try requireSize("adapter_width", adapterWidth)
    try Self.require(
      (0...Self.mostWeightings).contains(pooledWeightings), "pooled_weightings",
      "0 to \(Self.mostWeightings)", "\(pooledWeightings)")
    try Self.require(
      backbone.width % headCount == 0, "bridge_heads", "a divisor of width \(backbone.width)",
      "\(headCount)")
    guard let startToken else { return }
    try Self.require(
      startToken >= 0 && Int(startToken) < backbone.vocabularySize, "start_token",
      "a token below \(backbone.vocabularySize)", "\(startToken)")
  }

  func requireSize(_ key: String, _ size: Int) throws(GeneratorError) {
    try Self.require(
      (1...Self.largestSize).contains(size), key, "1 to \(Self.largestSize)", "\(size)")
  }

  static func require(
    _ condition: Bool, _ key: String, _ expected: String, _ found: String
  ) throws(GeneratorError) {
    guard condition else { throw .configuration(item: key, expected: expected, found: found) }
  }
}
