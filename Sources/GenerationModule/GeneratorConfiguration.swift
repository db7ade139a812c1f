import ModelFiles

/// Everything besides the weights that decides what a generation module computes. Stored as a
/// checkpoint's `config.json`.
public struct GeneratorConfiguration: Codable, Equatable, Sendable {
  /// How the source's states reach the generator.
  public enum Conditioning: String, Codable, Sendable {
    /// Own token embeddings; every layer reads the prompt's states.
    case prompt
    /// The paper's: a bridge turns the states of all positions into the generator's input.
    case aligned
  }

  /// Which states the bridge of `aligned` sees from a position.
  public enum BridgeMask: String, Codable, Sendable {
    /// Those up to the position.
    case causal
    /// All, later ones too, as in the published code: states that contain the very tokens to
    /// predict. For replication alone.
    case published
  }

  public var conditioning: Conditioning
  /// Width of the source's states.
  public var sourceWidth: Int
  /// Width of the generator's stream.
  public var width: Int
  public var headCount: Int
  /// One a layer: whether it attends to all earlier positions or to the last `windowSize`.
  public var attentionKinds: [AttentionKind]
  public var windowSize: Int
  /// Width inside the feed-forward block.
  public var intermediateWidth: Int
  public var vocabularySize: Int
  /// Rows of the position embedding: the longest sequence.
  public var positions: Int
  public var layerNormEpsilon: Float
  public var bridgeHeadCount: Int
  /// Layers of enhanced cross-attention: in `prompt` one a layer, or 0 for a generator alone.
  public var bridgeLayerCount: Int
  public var adapterWidth: Int
  /// `aligned`: the width between the source's and the generator's on the intermediate path.
  public var middleWidth: Int
  /// `aligned`.
  public var bridgeMask: BridgeMask
  /// `prompt`: how much of the prompt the generator itself embeds.
  public var generatorPrompt: GeneratorPrompt
  /// `prompt`: what the generator embeds first where it embeds nothing of the prompt.
  public var startToken: Int32?
  /// What the states must be: the source's and the cache's identity, not interpreted here.
  public var source: [String: String]

  enum CodingKeys: String, CodingKey {
    case conditioning
    case sourceWidth = "source_width"
    case width
    case headCount = "heads"
    case attentionKinds = "attention_layers"
    case windowSize = "window"
    case intermediateWidth = "intermediate_width"
    case vocabularySize = "vocabulary"
    case positions
    case layerNormEpsilon = "layer_norm_epsilon"
    case bridgeHeadCount = "bridge_heads"
    case bridgeLayerCount = "bridge_layers"
    case adapterWidth = "adapter_width"
    case middleWidth = "middle_width"
    case bridgeMask = "mask"
    case generatorPrompt = "generator_prompt"
    case startToken = "start_token"
    case source
  }

  public var layerCount: Int { attentionKinds.count }

  /// `prompt` conditioning from scratch. Layers alternate global and local attention.
  public static func prompt(
    sourceWidth: Int, width: Int, layerCount: Int, headCount: Int, vocabularySize: Int,
    positions: Int, windowSize: Int = 256, adapterWidth: Int = 64, bridgeHeadCount: Int = 8,
    readsSource: Bool = true, generatorPrompt: GeneratorPrompt = .all, startToken: Int32? = nil
  ) -> GeneratorConfiguration {
    GeneratorConfiguration(
      conditioning: .prompt, sourceWidth: sourceWidth, width: width, headCount: headCount,
      attentionKinds: alternatingKinds(layerCount), windowSize: windowSize,
      intermediateWidth: 4 * width, vocabularySize: vocabularySize, positions: positions,
      layerNormEpsilon: 1e-5, bridgeHeadCount: bridgeHeadCount,
      bridgeLayerCount: readsSource ? layerCount : 0, adapterWidth: adapterWidth, middleWidth: 0,
      bridgeMask: .causal, generatorPrompt: generatorPrompt, startToken: startToken, source: [:])
  }

  /// `aligned` conditioning, with the paper's sizes where none are given.
  public static func aligned(
    sourceWidth: Int, width: Int, layerCount: Int, headCount: Int, vocabularySize: Int,
    positions: Int = 4096, windowSize: Int = 256, adapterWidth: Int = 256,
    bridgeHeadCount: Int = 8, bridgeLayerCount: Int = 2, middleWidth: Int? = nil,
    mask: BridgeMask = .causal
  ) -> GeneratorConfiguration {
    GeneratorConfiguration(
      conditioning: .aligned, sourceWidth: sourceWidth, width: width, headCount: headCount,
      attentionKinds: alternatingKinds(layerCount), windowSize: windowSize,
      intermediateWidth: 4 * width, vocabularySize: vocabularySize, positions: positions,
      layerNormEpsilon: 1e-5, bridgeHeadCount: bridgeHeadCount,
      bridgeLayerCount: bridgeLayerCount, adapterWidth: adapterWidth,
      middleWidth: middleWidth ?? (sourceWidth + width) / 2, bridgeMask: mask,
      generatorPrompt: .all, startToken: nil, source: [:])
  }

  /// `prompt` conditioning around a GPT-Neo model of the given configuration.
  public static func prompt(
    around model: TransformerConfiguration, sourceWidth: Int, adapterWidth: Int = 64,
    bridgeHeadCount: Int = 8, readsSource: Bool = true, generatorPrompt: GeneratorPrompt = .all
  ) throws(GenerationModuleError) -> GeneratorConfiguration {
    guard model.architecture == .gptNeo, model.tiedEmbeddings else {
      throw .configuration(
        item: "the generator's model", expected: "GPT-Neo with a tied head",
        found: model.tiedEmbeddings ? model.architecture.rawValue : "an untied head")
    }
    let configuration = GeneratorConfiguration(
      conditioning: .prompt, sourceWidth: sourceWidth, width: model.hiddenSize,
      headCount: model.headCount, attentionKinds: model.attentionKinds,
      windowSize: model.windowSize, intermediateWidth: model.intermediateSize,
      vocabularySize: model.vocabularySize, positions: model.maximumPositions,
      layerNormEpsilon: model.layerNormEpsilon, bridgeHeadCount: bridgeHeadCount,
      bridgeLayerCount: readsSource ? model.layerCount : 0, adapterWidth: adapterWidth,
      middleWidth: 0, bridgeMask: .causal, generatorPrompt: generatorPrompt,
      startToken: [model.beginTokenID, model.endTokenID].compactMap { $0 }
        .first { (0..<model.vocabularySize).contains(Int($0)) }, source: [:])
    try configuration.validate()
    return configuration
  }

  /// Global, local, global, ...: GPT-Neo's habit.
  static func alternatingKinds(_ layerCount: Int) -> [AttentionKind] {
    (0..<max(layerCount, 0)).map { $0 % 2 == 0 ? .global : .local }
  }
}
