import Architectures
import FeatureCache
import Foundation
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// A source as precomputing sees it: its configuration and tokenizer at once, its weights when asked.
struct SourceReading {
  let folder: ModelFolder
  let configuration: any Architecture
  let tokenizer: Tokenizer
  let format: PromptFormat
  /// Whose states, each once: a stream a layer.
  let layers: [StateLayer]
  let codec: CodecChoice
  let precision: Precision

  let architectures: ArchitectureRegistry

  init(_ options: PrecomputeOptions) throws {
    folder = try ModelFolder.open(options.source)
    architectures = options.architectures
    configuration = try folder.architecture(architectures)
    tokenizer = try Tokenizer.load(folder)
    format = try PromptFormat(tokenizer, template: options.template)
    layers = try Self.layers(options, of: configuration)
    codec = options.codec
    precision = options.precision
    try refuseWhatNeedsMore(options)
  }

  /// What a source that sees whole documents, or has no output layer, can't be asked for.
  private func refuseWhatNeedsMore(_ options: PrecomputeOptions) throws(PrecomputeError) {
    let family = configuration.family
    if seesWholeDocument, options.coverage == .document {
      throw .noSteps(family: family)
    }
    if configuration.outputHead == nil, codec.needsFit { throw .noOutputLayer(family: family) }
  }

  private static func layers(
    _ options: PrecomputeOptions, of configuration: any Architecture
  ) throws(PrecomputeError) -> [StateLayer] {
    var layers: [StateLayer] = []
    for asked in options.layers {
      let index = try layer(asked, of: configuration)
      guard !layers.contains(where: { $0.index == index }) else {
        throw .layerTwice(asked: asked, index: index)
      }
      // Only the last layer has a final norm after it.
      let isNormed = index == configuration.layerCount && configuration.hasFinalNorm
      layers.append(StateLayer(index, normalized: options.normalized && isNormed))
    }
    return layers
  }

  /// Blocks that a pass goes through.
  var highestLayer: Int { layers.map(\.index).max() ?? 0 }

  static func layer(
    _ asked: Int, of configuration: any Architecture
  ) throws(PrecomputeError) -> Int {
    guard let layer = configuration.layer(asked) else {
      throw .badLayer(asked: asked, layers: configuration.layerCount)
    }
    return layer
  }

  /// Keys and values that are held for shared prefixes come to at most this many tokens: one context,
  /// and for models of very long ones no more than a window could use.
  private static let heldTokens = 8192

  /// Whether a state depends on all of its document, and not on the tokens up to its own alone. Then no beginning
  /// is shared, in passes or in records.
  var seesWholeDocument: Bool { configuration.visibility == .document }

  private var scope: StateScope { seesWholeDocument ? .document : .causal }

  func windowPlanner(_ options: PrecomputeOptions, chunkTokens: Int) -> PrefixPlanner {
    PrefixPlanner(
      capacity: min(configuration.maximumPositions, Self.heldTokens),
      sharing: options.sharedPrefixes, scope: scope, chunkTokens: chunkTokens)
  }

  func windowCutter(_ options: PrecomputeOptions, chunkTokens: Int) -> WindowCutter {
    WindowCutter(
      windowPlanner(options, chunkTokens: chunkTokens), coverage: options.coverage,
      width: configuration.width)
  }

  /// Of each layer. Hashes the weights, which reads all of them. A codec that is to be fitted is not known by more
  /// than what it was chosen by.
  func identities() throws -> [CacheIdentity] {
    let weights = try folder.catalogue().sha256()
    return layers.map { layer in
      CacheIdentity(
        weights: weights, architecture: configuration.identityJSON,
        tokenizer: tokenizer.fingerprint, layer: layer.index, normalized: layer.normalized,
        precision: precision.rawValue, codec: codec.description, numerics: Numerics.version,
        width: configuration.width, scope: scope)
    }
  }

  /// The fixed text that a precision's error is measured on, as far as the source's positions go.
  func calibrationIDs() -> [Int32] {
    Array(tokenizer.encode(Self.calibrationText).prefix(configuration.maximumPositions))
  }

  private static let calibrationText = """
    The river rises in the hills above the town and runs forty miles to the sea. In spring, when the \
    snow melts, it carries about 320 tons of water a second; in August a child can wade across. \
    "We measured it every day for 11 years," the engineer said, "and no two years were alike." Mills \
    stood along its banks until 1931: they ground wheat, sawed timber, and fulled wool. What is left \
    of them? Two wheels, a few walls, and the names of streets. Question: if a mill ground 2.5 tons a \
    day, six days a week, how much did it grind in four weeks? Answer: 2.5 * 6 * 4 = 60 tons.
    """

  /// Bytes of a cache without documents, about: the tokenizer, what a codec is fitted to, and the tables' first
  /// pages.
  var emptyFile: Int {
    get throws {
      let fit = codec.family.usualFit(width: configuration.width)
      return try TokenizerFrame.compress(tokenizer.serialized()).count + fit + 100_000
    }
  }

  func cacheSource() -> CacheSource {
    CacheSource(
      name: folder.name, path: URL(fileURLWithPath: folder.path).standardizedFileURL.path,
      tokenizer: tokenizer.serialized(), chatTemplate: format.templateName)
  }
}
