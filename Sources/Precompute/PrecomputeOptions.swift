import Architectures
import Corpora
import FeatureCache
import Identity
import Numerics

/// What to do with a document that is longer than the source or `maxTokens` allows.
public enum TooLong: String, CaseIterable, Sendable {
  case fail, skip
  /// Keeps the prompt's last tokens.
  case truncateLeft = "truncate-left"
  /// Keeps the response's first tokens.
  case truncateRight = "truncate-right"
}

/// What a precompute run is. The same words as the command line's.
public struct PrecomputeOptions: Sendable {
  /// A Hugging Face folder or GGUF file.
  public var source: String
  public var cache: String
  public var corpus: SplitCorpus
  /// The part of the corpus that is this run's; `nil`: all of it.
  public var shard: CorpusShard?
  public var badRows = BadRowPolicy.fail
  /// 0 (embedding) to N (the last), or negative from the end: -1 is N. The source runs once for all of them, and
  /// each is a stream of the cache.
  public var layers = [-1]
  /// Whether the last layer's states are taken after the final norm.
  public var normalized = true
  public var codec = CodecChoice.standard
  /// The codecs that the cache may have.
  public var codecs = CodecRegistry.builtIn
  /// The families that the source may be of.
  public var architectures = ArchitectureRegistry.builtIn
  /// What a codec is fitted on, where it has to be; `nil`: the corpus's own training set, that of all shards.
  public var fitCorpus: Corpus?
  /// What the source computes in; states of another precision are other states.
  public var precision = Precision.float32
  /// The prompt's states, or those of prompt and response.
  public var coverage = Coverage.prompt
  /// A chat template by name; `nil` takes the source's for messages and none for plain prompts.
  public var template: String?
  public var tooLong = TooLong.fail
  /// Most tokens of a document, prompt and response together; `nil`: what the source allows.
  public var maxTokens: Int?
  /// Run beginnings that documents share once. The states are the same either way.
  public var sharedPrefixes = true
  /// Take a cache whose states another version of the arithmetic computed.
  public var acceptOtherNumerics = false
  /// Where the cache has no such states, store them beside those that it has.
  public var beside = false
  /// Encrypt the cache, where it is new, with the key that the environment names.
  public var encrypt = false
  /// Noted with the run; decides the sets of a corpus cut by hash.
  public var seed: UInt64 = 0

  /// The only layer, or the first of several.
  public var layer: Int {
    get { layers.first ?? -1 }
    set { layers = [newValue] }
  }

  public init(source: String, cache: String, corpus: SplitCorpus) {
    self.source = source
    self.cache = cache
    self.corpus = corpus
  }

  /// The same, for the texts that a codec is fitted on.
  var forFitting: PrecomputeOptions {
    var options = self
    options.shard = nil
    if let fitCorpus {
      options.corpus = .files(train: fitCorpus, validation: nil, test: nil, leaks: .drop)
    }
    return options
  }

  /// What this run reads of which corpora.
  var passes: [CorpusPass] {
    corpus.sets.map { set in
      CorpusPass(
        corpus: set.corpus.name, split: DocumentSplit(set.split), part: shard?.number ?? 1,
        parts: shard?.count ?? 1)
    }
  }

  /// The rows of this run.
  func rows() throws(CorpusError) -> SplitReader {
    try corpus.reader(badRows: badRows, shard: shard)
  }
}
