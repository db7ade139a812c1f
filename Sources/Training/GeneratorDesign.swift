import Architectures
import Generators
import Identity
import Layers
import ModelFiles

/// The generator that is to be trained, before the cache tells the source's width and the tokenizer the
/// vocabulary.
public struct GeneratorDesign: Equatable, Sendable {
  /// The name of the conditioning, as its registry has it.
  public var conditioning = PromptConditioning.name
  /// The backbone's family, from scratch.
  public var architecture = GPTNeo.family
  /// A model's folder or file whose weights are the start; `nil`: from scratch.
  public var pretrained: String?
  public var layers = 4
  public var width = 256
  public var heads = 8
  /// `nil`: as many as heads.
  public var keyValueHeads: Int?
  public var positions = 512
  public var window = 256
  public var adapter = 64
  public var bridgeHeads = 8
  public var bridgeLayers = 2
  public var middleWidth: Int?
  public var mask = BridgeMask.causal
  public var generatorPrompt = GeneratorPrompt.all
  /// `prompt`: how the prompt's states are read.
  public var reader = StatesReader.attention
  /// Which of the parameters training changes.
  public var train = TrainedParts.all

  public init() {}

  public init(
    conditioning: String, architecture: String = GPTNeo.family, pretrained: String?, layers: Int,
    width: Int, heads: Int, keyValueHeads: Int? = nil, positions: Int, window: Int, adapter: Int,
    bridgeHeads: Int, bridgeLayers: Int, middleWidth: Int?, mask: BridgeMask,
    generatorPrompt: GeneratorPrompt, reader: StatesReader = .attention, train: TrainedParts = .all
  ) {
    self.conditioning = conditioning
    self.architecture = architecture
    self.pretrained = pretrained
    self.layers = layers
    self.width = width
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.positions = positions
    self.window = window
    self.adapter = adapter
    self.bridgeHeads = bridgeHeads
    self.bridgeLayers = bridgeLayers
    self.middleWidth = middleWidth
    self.mask = mask
    self.generatorPrompt = generatorPrompt
    self.reader = reader
    self.train = train
  }

  /// Throws for a generator that no source and tokenizer would make sound.
  public func check(_ options: TrainingOptions) throws {
    _ = try configuration(
      sourceWidths: [64], vocabularySize: 1 << 16, startToken: 0, options: options)
  }

  /// The configuration for a source and a tokenizer. What flags say and no generator can be is refused by
  /// the flag's name.
  func configuration(
    sourceWidths: [Int], vocabularySize: Int, startToken: Int32?, options: TrainingOptions,
    _ registries: GeneratorRegistries = .builtIn
  ) throws -> GeneratorConfiguration {
    try requireSizes()
    guard let family = registries.conditionings[conditioning] else {
      throw TrainingError.invalidOption(
        name: "conditioning", found: conditioning,
        allowed: registries.conditionings.conditionings.map { $0.name }.joined(separator: " or "))
    }
    let (backbone, own) = try backbone(vocabularySize: vocabularySize, registries.architectures)
    var conditioning = try family.init(
      design: ConditioningDesign(
        name: conditioning, arm: options.states, layers: backbone.layerCount,
        width: backbone.width, sourceWidth: sourceWidths.first ?? 1, adapter: adapter,
        bridgeHeads: bridgeHeads, bridgeLayers: bridgeLayers, middleWidth: middleWidth, mask: mask,
        reader: reader, generatorPrompt: generatorPrompt))
    conditioning.startToken = own ?? startToken
    try Self.refusing("states", options.states.rawValue) { () throws(GeneratorError) in
      try conditioning.check(options.states)
    }
    try Self.refusing("reader", reader.rawValue) { () throws(GeneratorError) in
      try conditioning.check(reader)
    }
    try Self.refusing("loss", options.loss.rawValue) { () throws(GeneratorError) in
      try conditioning.check(options.loss)
    }
    if conditioning.replacesEmbeddings, let pretrained {
      throw TrainingError.invalidOption(
        name: "from", found: pretrained,
        allowed: "\(conditioning.name) generators start from scratch, as the published ones do")
    }
    if train != .all, pretrained == nil {
      throw TrainingError.invalidOption(
        name: "train", found: train.description,
        allowed:
          "a frozen backbone that was never trained knows nothing: name its weights by --from")
    }
    return try GeneratorConfiguration(
      backbone: backbone, conditioning: conditioning,
      streams: sourceWidths.map { StreamShape(width: $0) })
  }

  /// The backbone, and the token that its own files begin a text with.
  private func backbone(
    vocabularySize: Int, _ architectures: ArchitectureRegistry
  ) throws -> (any GeneratorArchitecture, Int32?) {
    if let pretrained {
      let model = try ModelFolder.open(pretrained).architecture(architectures)
      guard let backbone = model as? any GeneratorArchitecture else {
        throw TrainingError.invalidOption(
          name: "from", found: pretrained,
          allowed: "a decoder's weights; the \(model.family) family writes no text")
      }
      let start = [model.beginTokenID, model.endTokenID].compactMap { $0 }
        .first { (0..<model.vocabularySize).contains(Int($0)) }
      return (backbone, start)
    }
    guard let family = architectures[architecture] as? any GeneratorArchitecture.Type else {
      throw TrainingError.invalidOption(
        name: "architecture", found: architecture,
        allowed: architectures.families.filter { $0 is any GeneratorArchitecture.Type }
          .map { $0.family }.joined(separator: ", "))
    }
    let design = BackboneDesign(
      architecture: architecture, layers: layers, width: width, heads: heads,
      keyValueHeads: keyValueHeads, positions: positions, window: window,
      vocabulary: vocabularySize)
    do {
      return (try family.init(design: design), nil)
    } catch {
      guard case ModelFileError.malformed(_, let item, let expected, let found) = error else {
        throw error
      }
      throw TrainingError.invalidOption(
        name: item.replacing("_", with: "-"), found: found, allowed: expected)
    }
  }

  /// Flags that say of the decoder what its own files say: they are not used beside `--from`.
  public var unusedFlags: [String] {
    guard pretrained != nil else { return [] }
    let usual = GeneratorDesign()
    return [
      ("architecture", architecture != usual.architecture), ("layers", layers != usual.layers),
      ("width", width != usual.width), ("heads", heads != usual.heads),
      ("key-value-heads", keyValueHeads != usual.keyValueHeads),
      ("positions", positions != usual.positions), ("window", window != usual.window),
    ].filter(\.1).map { "--\($0.0)" }
  }

  /// Turns a conditioning's refusal into that of a flag.
  private static func refusing(
    _ name: String, _ found: String, _ body: () throws(GeneratorError) -> Void
  ) throws {
    do throws(GeneratorError) {
      try body()
    } catch {
      guard case .unsupported(_, let advice) = error else { throw error }
      throw TrainingError.invalidOption(name: name, found: found, allowed: advice)
    }
  }

  /// Throws for a size that no generator has, before anything is computed with it.
  public func requireSizes() throws(TrainingError) {
    let sizes = [
      ("layers", layers, Self.mostLayers), ("width", width, Self.largestSize),
      ("heads", heads, Self.largestSize), ("positions", positions, Self.largestSize),
      ("window", window, Self.largestSize), ("adapter", adapter, Self.largestSize),
      ("bridge-heads", bridgeHeads, Self.largestSize),
      ("bridge-layers", bridgeLayers, Self.mostLayers),
      ("middle-width", middleWidth ?? 1, Self.largestSize),
      ("key-value-heads", keyValueHeads ?? 1, Self.largestSize),
    ]
    for (name, size, most) in sizes where !(1...most).contains(size) {
      throw .invalidOption(name: name, found: "\(size)", allowed: "1 to \(most)")
    }
  }

  /// What a generator's configuration allows, so that no product of two overflows.
  private static let largestSize = 1 << 24
  private static let mostLayers = 1024
}

extension GeneratorDesign: Encodable {
  private enum Key: String, CodingKey {
    case conditioning, pretrained, layers, width, heads, positions, window, adapter, bridgeHeads,
      bridgeLayers, middleWidth, mask, generatorPrompt
    case architecture, keyValueHeads, train, reader
  }

  /// What came later is left out where it is as it always was, so that a run of before is the same run.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(conditioning, forKey: .conditioning)
    try fields.encodeIfPresent(pretrained, forKey: .pretrained)
    try fields.encode(layers, forKey: .layers)
    try fields.encode(width, forKey: .width)
    try fields.encode(heads, forKey: .heads)
    try fields.encode(positions, forKey: .positions)
    try fields.encode(window, forKey: .window)
    try fields.encode(adapter, forKey: .adapter)
    try fields.encode(bridgeHeads, forKey: .bridgeHeads)
    try fields.encode(bridgeLayers, forKey: .bridgeLayers)
    try fields.encodeIfPresent(middleWidth, forKey: .middleWidth)
    try fields.encode(mask, forKey: .mask)
    try fields.encode(generatorPrompt, forKey: .generatorPrompt)
    if architecture != GPTNeo.family { try fields.encode(architecture, forKey: .architecture) }
    try fields.encodeIfPresent(keyValueHeads, forKey: .keyValueHeads)
    if reader != .attention { try fields.encode(reader, forKey: .reader) }
    if train != .all { try fields.encode(train, forKey: .train) }
  }
}
