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
    /// Where sources are, in any order: each stream takes that of its own weights. Those that are named nowhere
    /// are where they were.
    public var sources: [String]
    /// Streams that are not read, by their numbers in the run, from 1.
    public var leftOut: [Int]
    public var usesCache = true
    /// Whether states that had to be computed are stored in the cache.
    public var stores = false
    /// The families and conditionings there are.
    public var registries = GeneratorRegistries.builtIn
    /// The codecs that states may have been through.
    public var codecs = CodecRegistry.builtIn

    public init(
      run: String, cache: String? = nil, sources: [String] = [], leftOut: [Int] = [],
      usesCache: Bool = true, stores: Bool = false, registries: GeneratorRegistries = .builtIn,
      codecs: CodecRegistry = .builtIn
    ) {
      self.run = run
      self.cache = cache
      self.sources = sources
      self.leftOut = leftOut
      self.usesCache = usesCache
      self.stores = stores
      self.registries = registries
      self.codecs = codecs
    }
  }

  public let run: RunManifest
  /// The sources' tokenizers and templates, a stream each: what prompts are keyed and conditioned by.
  public let formats: [PromptFormat]
  public let states: RunStates
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
    let leftOut = try Self.leftOut(place, run)
    let identities = try folder.cacheIdentities(of: run)
    formats = try Self.formats(folder, run, identities, place)
    tokenizer =
      run.hasOwnTokenizer
      ? try Self.tokenizer(try folder.generatorTokenizer(), place) : formats[0].tokenizer
    decoder = GeneratorDecoder(
      try folder.generator(folder.best, run, place.registries))
    if identities.count > 1 {
      for path in place.sources {
        try StateProvider.require(path, ofOneOf: identities, place.registries.architectures)
      }
    }
    let read = identities.indices.filter { !leftOut.contains($0) }
    let caches = try Self.caches(place, run, read.map { identities[$0] }, warn)
    if place.stores, let caches, let missing = caches.firstIndex(where: { $0 == nil }) {
      warn(
        "states of stream \(read[missing] + 1) are not stored: the cache has no such stream, precompute adds it"
      )
    }
    var streams: [StateProvider] = []
    for (number, identity) in identities.enumerated() {
      let cache = read.firstIndex(of: number).flatMap { caches?[$0] ?? nil }
      let own = run.streams[number].sourcePath
      streams.append(
        try StateProvider(
          identity: identity,
          codec: try Self.codec(identity, folder, number, cache, place.codecs),
          cache: cache,
          sources: place.sources.isEmpty || identities.count > 1
            ? place.sources + [own] : place.sources,
          hint: own, isOneOfSeveral: identities.count > 1, sharing: streams,
          architectures: place.registries.architectures, warn: warn))
    }
    states = RunStates(streams, leftOut: leftOut)
    engine = GenerationEngine(DecodingModel(decoder), states, tokenizer: tokenizer)
  }

  /// Why states that are not cached can't be computed; nil where they can, or none are read. Throws where there is
  /// no cache either, so that nothing could be answered.
  public func missingSource() throws -> (any Error)? {
    guard configuration.needs.readsStates else { return nil }
    var missing: (any Error)?
    for stream in states.read {
      do {
        _ = try stream.sourceFolder()
      } catch {
        guard stream.hasCache, !configuration.needs.steps else { throw error }
        missing = missing ?? error
      }
    }
    return missing
  }

  /// Places of the streams that are not read. A run whose every stream were left out would answer from nothing.
  private static func leftOut(
    _ place: Place, _ run: RunManifest
  ) throws(GenerationError) -> Set<Int> {
    for number in place.leftOut where !(1...run.streams.count).contains(number) {
      throw .invalidOption(
        name: "without-stream", found: "\(number)",
        allowed: "\(place.run) reads \(run.streams.count) stream(s), numbered from 1")
    }
    let places = Set(place.leftOut.map { $0 - 1 })
    guard places.count < run.streams.count else {
      throw .invalidOption(
        name: "without-stream", found: place.leftOut.map(String.init).joined(separator: ", "),
        allowed: "\(place.run) reads \(run.streams.count) stream(s): one has to be left")
    }
    return places
  }

  private static func formats(
    _ folder: RunFolder, _ run: RunManifest, _ identities: [CacheIdentity], _ place: Place
  ) throws -> [PromptFormat] {
    try identities.enumerated().map { number, identity in
      let tokenizer = try tokenizer(try folder.sourceTokenizer(stream: number), place)
      guard tokenizer.fingerprint == identity.tokenizer else {
        throw GenerationError.noTokenizer(
          run: place.run, reason: "it is another than the cache's was")
      }
      return try PromptFormat(tokenizer, template: run.streams[number].template)
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
    _ identity: CacheIdentity, _ folder: RunFolder, _ stream: Int, _ cache: FeatureCache?,
    _ codecs: CodecRegistry
  ) throws -> any StateCodec {
    do {
      return try codecs.codec(
        identity.codec, parameters: try folder.codecFit(stream: stream))
    } catch {
      // No fit would help.
      if case CacheError.unknownCodec = error { throw error }
      if let codec = cache?.codec, codec.identity == identity.codec { return codec }
      throw GenerationError.noFit(run: folder.path, reason: "\(error)")
    }
  }

  /// The streams of the cache, if it is to be used and is there. One that was named must be there. One that can be
  /// read and not written, as while another program writes it, is read. A stream that it has not, as after a purge,
  /// is computed; a cache that has none is another's.
  ///
  /// - Parameter identities: of the streams that are read.
  private static func caches(
    _ place: Place, _ run: RunManifest, _ identities: [CacheIdentity], _ warn: (String) -> Void
  ) throws -> [FeatureCache?]? {
    guard place.usesCache else { return nil }
    let path = place.cache ?? run.cachePath
    guard place.cache != nil || FileManager.default.fileExists(atPath: path) else { return nil }
    func streams(_ access: FeatureCache.Access) throws(CacheError) -> [FeatureCache?] {
      let first = try FeatureCache.open(path, access, stream: .first, codecs: place.codecs)
      var streams: [FeatureCache?] = []
      var mismatch: CacheError?
      for identity in identities {
        do throws(CacheError) {
          streams.append(try first.stream(identity, acceptOtherNumerics: false))
        } catch {
          guard case .identityMismatch = error else { throw error }
          mismatch = mismatch ?? error
          streams.append(nil)
        }
      }
      if let mismatch, streams.allSatisfy({ $0 == nil }) { throw mismatch }
      return streams
    }
    do throws(CacheError) {
      guard place.stores else { return try streams(.read) }
      do throws(CacheError) {
        return try streams(.write)
      } catch {
        let caches = try streams(.read)
        warn("states of new prompts are not stored: \(error)")
        return caches
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
    return try generate(try encoded(prompt, special: special), options, onText: onText)
  }

  /// A prompt in the tokens of each stream, in the form of those that the run was trained on.
  public func encoded(
    _ prompt: PromptFormat.Prompt, special: Bool = false
  ) throws -> [PromptFormat.Encoded] {
    let prompt = try asTrained(prompt)
    return try formats.map { try $0.prompt(prompt, special: special) }
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

  /// Answers a prompt that is encoded already, for each stream; with `given`, from those states, a stream each,
  /// instead of its own.
  public func generate(
    _ prompts: [PromptFormat.Encoded], _ options: SamplingOptions, given: [[Float]]? = nil,
    onText: (String) -> Bool = { _ in true }
  ) throws -> GenerationResult {
    let request = GenerationEngine.Request(
      prompts: prompts, ids: ownIDs(prompts[0]), options: options, given: given)
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
  /// Whose states a run of this folder was trained on, a stream each.
  public func cacheIdentities(of run: RunManifest) throws(Failure) -> [CacheIdentity] {
    var identities: [CacheIdentity] = []
    for stream in run.streams {
      guard let identity = try? JSONDecoder().decode(CacheIdentity.self, from: stream.identity),
        (1...CacheIdentity.largestWidth).contains(identity.width), identity.layer >= 0
      else { throw .unreadable(file: file("run.json"), reason: "its identity is damaged") }
      identities.append(identity)
    }
    guard !identities.isEmpty else {
      throw .unreadable(file: file("run.json"), reason: "it reads no stream")
    }
    return identities
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
