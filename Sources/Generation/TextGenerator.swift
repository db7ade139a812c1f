import FeatureCache
import Foundation
import Generators
import Identity
import Numerics
import Runs
import Tokenization

/// Stage three: a trained generator that answers prompts, with the source's states from the cache or
/// computed on demand. Which of the two it was changes nothing in the answer.
///
/// For one thread at a time.
public final class TextGenerator {
  /// A run's folder, and where its cache and source are.
  public struct Place: Sendable {
    public var run: String
    /// `nil`: the run's own.
    public var cache: String?
    public var source: String?
    public var usesCache = true
    /// Whether states that had to be computed are stored in the cache.
    public var stores = false
    /// The families and conditionings there are.
    public var registries = GeneratorRegistries.builtIn
    /// The codecs that states may have been through.
    public var codecs = CodecRegistry.builtIn

    public init(
      run: String, cache: String? = nil, source: String? = nil, usesCache: Bool = true,
      stores: Bool = false, registries: GeneratorRegistries = .builtIn,
      codecs: CodecRegistry = .builtIn
    ) {
      self.run = run
      self.cache = cache
      self.source = source
      self.usesCache = usesCache
      self.stores = stores
      self.registries = registries
      self.codecs = codecs
    }
  }

  public let run: RunManifest
  /// The source's tokenizer and template: what prompts are keyed and conditioned by.
  public let format: PromptFormat
  public let states: StateProvider
  let decoder: GeneratorDecoder
  /// The tokenizer of what the generator writes.
  let tokenizer: Tokenizer
  private let engine: GenerationEngine

  /// Opens the run's best checkpoint. Neither cache nor source need be there before they are needed.
  ///
  /// - Parameter warn: told once, in one line, when states that had to be computed can't be stored.
  public init(_ place: Place, warn: @escaping (String) -> Void = { _ in }) throws {
    let folder = RunFolder(place.run)
    run = try folder.manifest()
    let identity = try folder.cacheIdentity(of: run)
    let sourceTokenizer = try Self.tokenizer(try folder.sourceTokenizer(), place)
    guard sourceTokenizer.fingerprint == identity.tokenizer else {
      throw GenerationError.noTokenizer(
        run: place.run, reason: "it is another than the cache's was")
    }
    format = try PromptFormat(sourceTokenizer, template: run.template)
    tokenizer =
      run.hasOwnTokenizer
      ? try Self.tokenizer(try folder.generatorTokenizer(), place) : sourceTokenizer
    decoder = GeneratorDecoder(
      try folder.generator(folder.best, run, place.registries))
    let cache = try Self.cache(place, run, identity, warn)
    states = try StateProvider(
      identity: identity, codec: try Self.codec(identity, folder, cache, place.codecs),
      cache: cache,
      source: place.source ?? run.sourcePath,
      hint: run.sourcePath, architectures: place.registries.architectures, warn: warn)
    engine = GenerationEngine(DecodingModel(decoder), states, tokenizer: tokenizer)
  }

  /// Why states that are not cached can't be computed; nil where they can, or none are read. Throws where there is
  /// no cache either, so that nothing could be answered.
  public func missingSource() throws -> (any Error)? {
    guard configuration.needs.readsStates else { return nil }
    do {
      _ = try states.sourceFolder()
      return nil
    } catch {
      guard states.hasCache, !configuration.needs.steps else { throw error }
      return error
    }
  }

  private static func tokenizer(
    _ bytes: [UInt8], _ place: Place
  ) throws(GenerationError) -> Tokenizer {
    do {
      return try Tokenizer(serialized: bytes)
    } catch {
      throw .noTokenizer(run: place.run, reason: "\(error)")
    }
  }

  /// By the run's own fit, or else by the cache's.
  private static func codec(
    _ identity: CacheIdentity, _ folder: RunFolder, _ cache: FeatureCache?,
    _ codecs: CodecRegistry
  ) throws -> any StateCodec {
    do {
      return try codecs.codec(identity.codec, parameters: try folder.codecFit())
    } catch {
      // No fit would help.
      if case CacheError.unknownCodec = error { throw error }
      if let codec = cache?.codec, codec.identity == identity.codec { return codec }
      throw GenerationError.noFit(run: folder.path, reason: "\(error)")
    }
  }

  /// The cache, if it is to be used and is there. One that was named must be there. One that can be read and not
  /// written, as while another program writes it, is read.
  private static func cache(
    _ place: Place, _ run: RunManifest, _ identity: CacheIdentity, _ warn: (String) -> Void
  ) throws -> FeatureCache? {
    guard place.usesCache else { return nil }
    let path = place.cache ?? run.cachePath
    guard place.cache != nil || FileManager.default.fileExists(atPath: path) else { return nil }
    do throws(CacheError) {
      guard place.stores else {
        return try FeatureCache.open(path, expecting: identity, codecs: place.codecs)
      }
      do throws(CacheError) {
        return try FeatureCache.open(path, .write, expecting: identity, codecs: place.codecs)
      } catch {
        let cache = try FeatureCache.open(path, expecting: identity, codecs: place.codecs)
        warn("states of new prompts are not stored: \(error)")
        return cache
      }
    } catch {
      guard case .identityMismatch(let path, let differences) = error else { throw error }
      throw GenerationError.otherIdentity(
        path: path, differences: differences.map(\.description).joined(separator: "; "))
    }
  }

  public var configuration: GeneratorConfiguration { decoder.configuration }

  /// Answers a prompt.
  ///
  /// - Parameter onText: given the answer as it grows, in whole characters; false ends it.
  public func generate(
    _ prompt: PromptFormat.Prompt, _ options: SamplingOptions, special: Bool = false,
    onText: (String) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    try options.validate()
    let encoded = try format.prompt(try asTrained(prompt), special: special)
    guard !encoded.ids.isEmpty else { throw GenerationError.emptyPrompt }
    return try generate(encoded, options, onText: onText)
  }

  /// The prompt in the form of those that the run was trained on: plain, or a conversation. So a prompt
  /// means the same on the terminal and through the server.
  private func asTrained(_ prompt: PromptFormat.Prompt) throws -> PromptFormat.Prompt {
    switch prompt {
    case .raw(let text) where !run.plainPrompts:
      return .messages([ChatMessage(role: "user", content: text)])
    case .messages(let messages) where run.plainPrompts:
      guard messages.count == 1, let only = messages.first, only.role == "user" else {
        throw GenerationError.notOneMessage(count: messages.count)
      }
      return .raw(only.content)
    default: return prompt
    }
  }

  /// Answers a prompt that is encoded already; with `given`, from those states, a stream each, instead of
  /// its own.
  public func generate(
    _ prompt: PromptFormat.Encoded, _ options: SamplingOptions, given: [[Float]]? = nil,
    onText: (String) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    let request = GenerationEngine.Request(
      prompt: prompt, ids: ownIDs(prompt), options: options, given: given)
    return try withoutActuallyEscaping(onText) { onText in
      try engine.answer(request, onText: onText)
    }
  }

  /// The prompt in the generator's tokenizer.
  private func ownIDs(_ prompt: PromptFormat.Encoded) -> [Int32] {
    run.hasOwnTokenizer ? tokenizer.encode(utf8: prompt.text) : prompt.ids
  }
}

extension RunFolder {
  /// Whose states a run of this folder was trained on.
  public func cacheIdentity(of run: RunManifest) throws(Failure) -> CacheIdentity {
    guard let identity = try? JSONDecoder().decode(CacheIdentity.self, from: run.identity),
      (1...CacheIdentity.largestWidth).contains(identity.width), identity.layer >= 0
    else { throw .unreadable(file: file("run.json"), reason: "its identity is damaged") }
    return identity
  }
}

/// Seconds since it was last asked.
struct Stopwatch {
  private var since = ContinuousClock.now

  mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { since = now }
    return (now - since).inSeconds
  }
}
