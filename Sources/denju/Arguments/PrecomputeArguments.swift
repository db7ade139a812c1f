import ArgumentParser
import Corpora
import FeatureCache
import Identity
import Numerics
import Precompute

extension TooLong: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// The two ways in which a generator reads the source's states.
enum Conditioning: String, CaseIterable, ExpressibleByArgument, Sendable {
  case prompt, aligned

  /// What of a document has to be cached for it.
  var coverage: Coverage { self == .prompt ? .prompt : .document }
}

/// What `precompute` takes, as flags and as the keys of a pipeline's section.
struct PrecomputeArguments: ParsableArguments {
  @Option(help: "The knowledge source: a Hugging Face folder or a GGUF file.")
  var source: String

  @OptionGroup var corpus: CorpusArguments

  @Option(help: "The feature cache, made when it is not there.")
  var cache: String

  @Option(help: "prompt caches the prompts' states, aligned those of prompt and response.")
  var conditioning = Conditioning.prompt

  @Option(
    parsing: .unconditional,
    help: "Whose states: 0 (embedding) to N (the last layer), or from the end: -1 is N.")
  var layer = -1

  @Flag(help: "Take the last layer's states before the final norm.")
  var beforeNorm = false

  @Option(
    help:
      "How states are stored: int8, int4, float16, float32, or transform:0.005, fitted so that it adds at most so many nats a token to the source's loss."
  )
  var codec = "\(CodecChoice.standard)"

  @Option(help: "A corpus to fit the codec on, instead of the training set.")
  var fitCorpus: String?

  @Option(help: "What the source computes in: float32, or int8, which is faster and a little off.")
  var precision = Precision.float32

  @Option(help: "A chat template by name; messages go through the source's own otherwise.")
  var template: String?

  @Option(help: "A document over the limits: fail, skip, truncate-left or truncate-right.")
  var tooLong = TooLong.fail

  @Option(help: "Most tokens of a document, prompt and response together.")
  var maxTokens: Int?

  @Flag(help: "Run every document whole, also where documents begin alike.")
  var noSharedPrefixes = false

  @Flag(help: "Take a cache that another version of the arithmetic computed.")
  var acceptOtherNumerics = false

  @Flag(help: "Where the cache has no such states, as of another source or layer, add them to it.")
  var beside = false

  @Option(help: "I/N: run the I-th of N parts of the corpus; `cache merge` puts them together.")
  var shard: String?

  @Flag(help: "Encrypt a new cache, with the key in DENJU_CACHE_KEY or DENJU_CACHE_KEY_FILE.")
  var encrypt = false

  @Option(help: "Decides the sets of a corpus that is cut by hash.")
  var seed: UInt64 = 0

  init() {}

  func validate() throws {
    try Usage.require {
      guard try CodecRegistry.builtIn.choice(codec).needsFit || fitCorpus == nil else {
        throw ValidationError("--fit-corpus is for a codec that is fitted, as transform:0.005")
      }
    }
    if let shard { try Usage.require { _ = try CorpusShard(parsing: shard) } }
  }

  func options() throws -> PrecomputeOptions {
    var options = PrecomputeOptions(
      source: source, cache: cache, corpus: try corpus.splitCorpus(seed: seed))
    options.badRows = corpus.badRows
    options.layer = layer
    options.normalized = !beforeNorm
    options.codec = try CodecRegistry.builtIn.choice(codec)
    options.fitCorpus = try fitCorpus.map { path in
      let corpus = try Corpus(path)
      // Found to be missing now, also where it won't be read.
      _ = try corpus.reader(badRows: options.badRows)
      return corpus
    }
    options.precision = precision
    options.coverage = conditioning.coverage
    options.template = template
    options.tooLong = tooLong
    options.maxTokens = maxTokens
    options.sharedPrefixes = !noSharedPrefixes
    options.acceptOtherNumerics = acceptOtherNumerics
    options.beside = beside
    options.encrypt = encrypt
    options.shard = try shard.map(CorpusShard.init(parsing:))
    options.seed = seed
    return options
  }
}
