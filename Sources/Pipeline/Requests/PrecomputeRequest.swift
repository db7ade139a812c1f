import Corpora
import FeatureCache
import Numerics
import Precompute

/// What stage one is asked to do: which corpus through which source, into which cache.
public struct PrecomputeRequest: StageRequest {
  public static let stage = PipelineFile.Stage.precompute

  public var source = ""
  public var corpus = CorpusOptions()
  public var cache = ""
  public var conditioning = NamedConditioning.standard
  public var layer = -1
  public var layers: String?
  public var normalized = true
  public var codec = "\(CodecChoice.standard)"
  public var fitCorpus: String?
  public var precision = Precision.float32
  public var template: String?
  public var tooLong = TooLong.fail
  public var maxTokens: Int?
  public var sharedPrefixes = true
  public var acceptOtherNumerics = false
  public var beside = false
  public var shard: String?
  public var encrypt = false
  public var seed: UInt64 = 0

  public init() {}

  public static let declarations: [OptionDeclaration<Self>] =
    [
      .required(
        "source", \.source, .text,
        help: "The knowledge source: a Hugging Face folder or a GGUF file.")
    ] + CorpusOptions.declarations.map { $0.inside(\.corpus) } + [
      .required(
        "cache", \.cache, .text, help: "The feature cache, made when it is not there."),
      .option(
        "conditioning", \.conditioning,
        help: "prompt caches the prompts' states, aligned those of prompt and response."),
      .option(
        "layer", \.layer, mayBeginWithDash: true,
        help: "Whose states: 0 (embedding) to N (the last layer), or from the end: -1 is N."),
      .option(
        "layers", \.layers, .pattern("^-?[0-9]+(,-?[0-9]+)*$"), mayBeginWithDash: true,
        help:
          "Several layers, as 8,16,-1: the source runs once, and each becomes a stream of the cache."
      ),
      .flag(
        "before-norm", \.normalized, sets: false,
        help: "Take the last layer's states before the final norm."),
      .option(
        "codec", \.codec, .pattern(codecPattern),
        help:
          "How states are stored: int8, int4, float16, float32, or transform:0.005, fitted so that it adds at most so many nats a token to the source's loss."
      ),
      .option(
        "fit-corpus", \.fitCorpus, .text,
        help: "A corpus to fit the codec on, instead of the training set."),
      .option(
        "precision", \.precision,
        help: "What the source computes in: float32, or int8, which is faster and a little off."),
      .option(
        "template", \.template, .text,
        help: "A chat template by name; messages go through the source's own otherwise."),
      .option(
        "too-long", \.tooLong,
        help: "A document over the limits: fail, skip, truncate-left or truncate-right."),
      .option(
        "max-tokens", \.maxTokens, .integers(from: 1),
        help: "Most tokens of a document, prompt and response together."),
      .flag(
        "no-shared-prefixes", \.sharedPrefixes, sets: false,
        help: "Run every document whole, also where documents begin alike."),
      .flag(
        "accept-other-numerics", \.acceptOtherNumerics,
        help: "Take a cache that another version of the arithmetic computed."),
      .flag(
        "beside", \.beside,
        help:
          "Where the cache has no such states, as of another source or layer, add them to it."),
      .option(
        "shard", \.shard, .pattern("^[1-9][0-9]*/[1-9][0-9]*$"),
        help:
          "I/N: run the I-th of N parts of the corpus; `cache merge` puts them together."),
      .flag(
        "encrypt", \.encrypt,
        help: "Encrypt a new cache, with the key in DENJU_CACHE_KEY or DENJU_CACHE_KEY_FILE."),
      .option("seed", \.seed, help: "Decides the sets of a corpus that is cut by hash."),
    ]

  /// The names of the codecs that need no fit, or `transform:` and how many nats a token it may add.
  private static let codecPattern =
    "^(\(CodecRegistry.builtIn.unfitted.map { "\(UnfittedFamily($0).choice)" }.joined(separator: "|"))"
    + "|transform:([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?)$"

  public func validate() throws {
    guard try CodecRegistry.builtIn.choice(codec).needsFit || fitCorpus == nil else {
      throw OptionError.fitWithoutNeed
    }
    if let shard { _ = try CorpusShard(parsing: shard) }
  }

  public func checkRanges() throws {
    guard corpus.corpus != nil else { return }
    _ = try HashSplit(
      seed: seed, validation: corpus.validationShare, test: corpus.testShare)
  }

  private func layersAsked() throws(OptionError) -> [Int] {
    guard let layers else { return [layer] }
    guard layer == Self().layer else { throw .layerAndLayers(layer: layer, layers: layers) }
    let numbers = layers.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard !numbers.contains(nil) else { throw .badLayers(layers) }
    return numbers.compactMap(\.self)
  }

  /// The request in the words of the stage itself.
  func options() throws -> PrecomputeOptions {
    var options = PrecomputeOptions(
      source: source, cache: cache, corpus: try corpus.splitCorpus(seed: seed))
    options.badRows = corpus.badRows
    options.layers = try layersAsked()
    options.normalized = normalized
    options.codec = try CodecRegistry.builtIn.choice(codec)
    options.fitCorpus = try fitCorpus.map { path in
      let corpus = try Corpus(path)
      // Found to be missing now, also where it won't be read.
      _ = try corpus.reader(badRows: options.badRows)
      return corpus
    }
    options.precision = precision
    options.coverage = try conditioning.coverage()
    options.template = template
    options.tooLong = tooLong
    options.maxTokens = maxTokens
    options.sharedPrefixes = sharedPrefixes
    options.acceptOtherNumerics = acceptOtherNumerics
    options.beside = beside
    options.encrypt = encrypt
    options.shard = try shard.map(CorpusShard.init(parsing:))
    options.seed = seed
    return options
  }
}
