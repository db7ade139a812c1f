import Architectures
import GenerationModule
import Identity
import ModelFiles

/// The generator that is to be trained, before the cache tells the source's width and the tokenizer the
/// vocabulary.
public struct GeneratorDesign: Codable, Equatable, Sendable {
  public var conditioning: GeneratorConfiguration.Conditioning
  /// A GPT-Neo model's folder whose weights are the start; `nil`: from scratch.
  public var pretrained: String?
  public var layers: Int
  public var width: Int
  public var heads: Int
  public var positions: Int
  public var window: Int
  public var adapter: Int
  public var bridgeHeads: Int
  public var bridgeLayers: Int
  public var middleWidth: Int?
  public var mask: GeneratorConfiguration.BridgeMask
  public var generatorPrompt: GeneratorPrompt

  public init(
    conditioning: GeneratorConfiguration.Conditioning, pretrained: String?, layers: Int, width: Int,
    heads: Int, positions: Int, window: Int, adapter: Int, bridgeHeads: Int, bridgeLayers: Int,
    middleWidth: Int?, mask: GeneratorConfiguration.BridgeMask, generatorPrompt: GeneratorPrompt
  ) {
    self.conditioning = conditioning
    self.pretrained = pretrained
    self.layers = layers
    self.width = width
    self.heads = heads
    self.positions = positions
    self.window = window
    self.adapter = adapter
    self.bridgeHeads = bridgeHeads
    self.bridgeLayers = bridgeLayers
    self.middleWidth = middleWidth
    self.mask = mask
    self.generatorPrompt = generatorPrompt
  }

  /// The configuration for a source and a tokenizer; `states` of `none` leaves the bridge out.
  func configuration(
    sourceWidth: Int, vocabularySize: Int, startToken: Int32?, states: StatesArm
  ) throws -> GeneratorConfiguration {
    try requireSizes()
    var configuration: GeneratorConfiguration
    switch conditioning {
    case .aligned:
      guard pretrained == nil else {
        throw TrainingError.invalidOption(
          name: "from", found: pretrained ?? "",
          allowed: "aligned generators start from scratch, as the published ones do")
      }
      guard states == .own else {
        throw TrainingError.invalidOption(
          name: "states", found: states.rawValue,
          allowed: states == .none
            ? "an aligned generator has no other input"
            : "an aligned generator's states are its own tokens', one a token: use own")
      }
      configuration = .aligned(
        sourceWidth: sourceWidth, width: width, layerCount: layers, headCount: heads,
        vocabularySize: vocabularySize, positions: positions, windowSize: window,
        adapterWidth: adapter, bridgeHeadCount: bridgeHeads, bridgeLayerCount: bridgeLayers,
        middleWidth: middleWidth, mask: mask)
    case .prompt:
      if let pretrained {
        configuration = try .prompt(
          around: try ModelFolder.open(pretrained).architecture(), sourceWidth: sourceWidth,
          adapterWidth: adapter, bridgeHeadCount: bridgeHeads, readsSource: states != .none,
          generatorPrompt: generatorPrompt)
      } else {
        configuration = .prompt(
          sourceWidth: sourceWidth, width: width, layerCount: layers, headCount: heads,
          vocabularySize: vocabularySize, positions: positions, windowSize: window,
          adapterWidth: adapter, bridgeHeadCount: bridgeHeads, readsSource: states != .none,
          generatorPrompt: generatorPrompt)
      }
      configuration.startToken = configuration.startToken ?? startToken
    }
    try configuration.validate()
    return configuration
  }

  /// Throws for a size that no generator has, before anything is computed with it.
  private func requireSizes() throws(TrainingError) {
    let sizes = [
      ("layers", layers, Self.mostLayers), ("width", width, Self.largestSize),
      ("heads", heads, Self.largestSize), ("positions", positions, Self.largestSize),
      ("window", window, Self.largestSize), ("adapter", adapter, Self.largestSize),
      ("bridge-heads", bridgeHeads, Self.largestSize),
      ("bridge-layers", bridgeLayers, Self.mostLayers),
      ("middle-width", middleWidth ?? 1, Self.largestSize),
    ]
    for (name, size, most) in sizes where !(1...most).contains(size) {
      throw .invalidOption(name: name, found: "\(size)", allowed: "1 to \(most)")
    }
  }

  /// What `GeneratorConfiguration` allows, so that no product of two overflows.
  private static let largestSize = 1 << 24
  private static let mostLayers = 1024
}
