import Architectures
import Identity
import Layers
import ModelFiles

/// What a weights file leaves unsaid. A value here wins over the file's metadata; absent in both, the
/// paper's is taken.
public struct ImportOptions: Sendable {
  public var headCount: Int?
  public var bridgeHeadCount: Int?
  public var windowSize: Int?
  public var bridgeMask: BridgeMask?
  public var generatorPrompt: GeneratorPrompt
  public var startToken: Int32?

  public init(
    headCount: Int? = nil, bridgeHeadCount: Int? = nil, windowSize: Int? = nil,
    bridgeMask: BridgeMask? = nil, generatorPrompt: GeneratorPrompt = .all,
    startToken: Int32? = nil
  ) {
    self.headCount = headCount
    self.bridgeHeadCount = bridgeHeadCount
    self.windowSize = windowSize
    self.bridgeMask = bridgeMask
    self.generatorPrompt = generatorPrompt
    self.startToken = startToken
  }
}

/// Builds a generator from a file of weights alone: one with the published checkpoint's names
/// (`gptneo.*`, `qwen.*`), or with those of `prompt` conditioning (`gpt.*`, `bridge.*`, `pooled.*`).
///
/// Sizes come from tensor shapes; head counts, window and mask from the metadata keys `heads`,
/// `bridge_heads`, `window` and `mask`. The published file's unused token embedding is dropped.
public enum WeightsImport {
  public static func open(
    _ path: String, options: ImportOptions = ImportOptions()
  ) throws(GeneratorError) -> Generator {
    let catalogue = try readingFiles { () throws(ModelFileError) in
      try TensorCatalogue.open(path)
    }
    let configuration = try configuration(of: catalogue, options: options)
    let model = Generator(uninitialized: configuration)
    try refuseUnknown(catalogue, model)
    try model.parameters.read(from: catalogue)
    return model
  }

  static func configuration(
    of catalogue: TensorCatalogue, options: ImportOptions
  ) throws(GeneratorError) -> GeneratorConfiguration {
    let shapes = WeightShapes(catalogue)
    let isAligned = catalogue["gptneo.new_lm_head.weight"] != nil
    let generator = isAligned ? "gptneo.base_model.transformer" : "gpt"
    let bridge = isAligned ? "qwen.cross_attention_layers" : "bridge"
    let positions = try shapes.matrix("\(generator).wpe.weight")
    let vocabulary = try shapes.matrix(
      isAligned ? "gptneo.new_lm_head.weight" : "gpt.wte.weight")
    let layers = shapes.layers("\(generator).h", "ln_1.weight")
    let inner = try shapes.matrix("\(generator).h.0.mlp.c_fc.weight")
    let bridgeLayers = shapes.layers(bridge, "gate.weight")
    let attends = bridgeLayers > 0 || isAligned
    let weightings =
      catalogue["pooled.query.weight"] == nil ? 0 : try shapes.matrix("pooled.query.weight").rows
    let streams =
      if attends {
        try shapes.streams("\(bridge).0.cross_attn.k_proj")
      } else if weightings > 0 {
        try shapes.streams("pooled.query")
      } else {
        [StreamShape(width: inner.columns)]
      }
    let adapter = attends ? try shapes.matrix("\(bridge).0.adapter.fc1.weight").rows : 1
    let heads = try shapes.integer("heads", given: options.headCount, otherwise: 12)
    let bridgeHeads = try shapes.integer(
      "bridge_heads", given: options.bridgeHeadCount, otherwise: 8)
    let window = try shapes.integer("window", given: options.windowSize, otherwise: 256)
    let backbone = try readingFiles { () throws(ModelFileError) in
      try GPTNeo(
        width: positions.columns, heads: heads, inner: inner.rows, vocabulary: vocabulary.rows,
        positions: positions.rows, window: window,
        kinds: (0..<layers).map { $0 % 2 == 0 ? .global : .local }, file: catalogue.path)
    }
    var design = ConditioningDesign(
      name: isAligned ? AlignedConditioning.name : PromptConditioning.name,
      arm: attends || weightings > 0 ? .own : .none, layers: layers, width: positions.columns,
      sourceWidth: streams[0].width, adapter: adapter, bridgeHeads: bridgeHeads,
      bridgeLayers: bridgeLayers,
      reader: attends ? .attention : .pooled, generatorPrompt: options.generatorPrompt,
      startToken: options.startToken)
    let conditioning: any Conditioning
    if isAligned {
      design.middleWidth = try shapes.matrix("qwen.intermediate_layers.0.weight").rows
      design.mask = try shapes.mask(given: options.bridgeMask, otherwise: .published)
      conditioning = try AlignedConditioning(design: design)
    } else {
      var prompt = try PromptConditioning(design: design)
      prompt.settings.pooledWeightings = weightings
      conditioning = prompt
    }
    return try GeneratorConfiguration(
      backbone: backbone, conditioning: conditioning, streams: streams)
  }

  /// Refuses what would be part of the module and is not read: a layer after a missing one, say.
  /// The source's own weights, the unused embedding and masks stored as tensors are none.
  private static func refuseUnknown(
    _ catalogue: TensorCatalogue, _ model: Generator
  ) throws(GeneratorError) {
    let known = Set(model.parameters.tensors.map(\.name))
    let unused: Set<String> = [
      "gptneo.base_model.transformer.wte.weight", "gptneo.base_model.lm_head.weight",
    ]
    let prefixes = [
      "gptneo.", "gpt.", "bridge.", "pooled.", "qwen.cross_attention_layers.",
      "qwen.intermediate_layers.",
      "qwen.pre_proj.", "qwen.proj.",
    ]
    for name in catalogue.names
    where !known.contains(name) && !unused.contains(name)
      && !name.hasSuffix(".attn.attention.bias") && !name.hasSuffix(".attn.attention.masked_bias")
      && prefixes.contains(where: name.hasPrefix)
    {
      throw .checkpoint(
        path: catalogue.path, item: "tensor \(name)",
        expected: "the tensors of \(model.configuration.backbone.layerCount) layers without gaps",
        found: "one that belongs to none")
    }
  }
}
