import Architectures
import FeatureCache
import Foundation
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// A prompt's states in one stream: from the cache where they are, or else from the source, through the same codec,
/// so that nothing depends on which it was. The source is opened at the first miss, and only then.
///
/// A conditioning that steps the source with every token asks for a stepper instead: the source then runs over
/// the prompt too, and the cache is not read.
///
/// For one thread.
public final class StateProvider {
  /// What the run was trained on.
  public let identity: CacheIdentity
  /// The stream of the cache, where it is used and is there.
  public let cache: FeatureCache?
  private let codec: any StateCodec
  private let places: [String]
  private let hint: String
  private let warn: (String) -> Void
  private var hasWarned = false
  private var verified: ModelFolder?
  private let architectures: ArchitectureRegistry
  private let isOneOfSeveral: Bool
  private var opened: (any Source)?

  /// Whether states that had to be computed are stored: only in a cache opened for writing.
  public var storesMisses: Bool { cache?.access == .write }

  public var hasCache: Bool { cache != nil }

  /// Another stream's, of the same source: it is opened once for both.
  private let sharing: StateProvider?

  /// - Parameters:
  ///   - codec: the one that the identity names.
  ///   - cache: `nil`: every prompt is computed.
  ///   - sources: where the source may be: the first place that has it is taken. None: a miss is an error.
  ///   - hint: where the source was at training, for that error.
  ///   - isOneOfSeveral: whether places may have other streams' sources, which are none of this one's concern.
  ///   - others: the providers of a run's streams before this one; one of the same source opens it for both.
  ///   - warn: told once, in one line, when what was computed or used can't be noted in the cache.
  public init(
    identity: CacheIdentity, codec: any StateCodec, cache: FeatureCache?, sources: [String],
    hint: String = "", isOneOfSeveral: Bool = false, sharing others: [StateProvider] = [],
    architectures: ArchitectureRegistry = .builtIn,
    warn: @escaping (String) -> Void = { _ in }
  ) throws {
    self.identity = identity
    self.cache = cache
    self.codec = codec
    places = sources
    self.hint = hint
    self.isOneOfSeveral = isOneOfSeveral
    sharing = others.first { $0.sharing == nil && $0.identity.hasSource(of: identity) }
    self.architectures = architectures
    self.warn = warn
    if let cache {
      let differences = cache.identity.differences(from: identity, acceptOtherNumerics: false)
      guard differences.isEmpty else {
        throw GenerationError.otherIdentity(
          path: cache.path, differences: differences.map(\.description).joined(separator: "; "))
      }
    }
  }

  /// States [ids.count, width] of the stream's layer, as decoded from the codec, that the cache has; `nil`: none.
  func cached(_ prompt: PromptFormat.Encoded) throws -> [Float]? {
    guard !prompt.ids.isEmpty else { throw GenerationError.emptyPrompt }
    guard let cache else { return nil }
    var values = [Float](repeating: 0, count: prompt.ids.count * identity.width)
    guard
      try values.withUnsafeMutableBufferPointer({
        try cache.states(forTokenIDs: prompt.ids, into: $0)
      })
    else { return nil }
    if storesMisses {
      unlessFailing("the uses of prompts are not noted") {
        try cache.noteHit(forTokenIDs: prompt.ids)
      }
    }
    return values
  }

  /// The states of a prompt in streams of one source, which runs once, each through its codec; they are stored
  /// where they are to be.
  ///
  /// - Precondition: the streams are of one source, and there is one.
  static func computed(
    _ streams: [StateProvider], _ prompt: PromptFormat.Encoded
  ) throws -> [[Float]] {
    let tokens = prompt.ids.count
    let source = try streams[0].source()
    guard tokens <= source.maximumPositions else {
      throw GenerationError.tooLong(
        tokens: tokens, limit: source.maximumPositions, whose: "source")
    }
    for stream in streams.dropFirst() { _ = try stream.source() }
    let room = FloatBuffer(count: tokens * streams.reduce(0) { $0 + $1.identity.width })
    var next = room.base
    let places = streams.map { stream in
      defer { next += tokens * stream.identity.width }
      return next
    }
    try source.encode(
      [prompt.ids],
      layers: streams.map {
        StateLayer($0.identity.layer, normalized: $0.identity.normalized)
      }, into: places)
    return try zip(streams, places).map { stream, states in try stream.keep(states, of: prompt) }
  }

  /// Stores computed states of a prompt, where they are to be, and gives them as they come back from the codec.
  private func keep(
    _ states: UnsafeMutablePointer<Float>, of prompt: PromptFormat.Encoded
  ) throws -> [Float] {
    unlessFailing("states of new prompts are not stored") { try store(prompt, states) }
    try codec.roundTrip(states, tokens: prompt.ids.count, width: identity.width)
    return Array(
      UnsafeBufferPointer(start: states, count: prompt.ids.count * identity.width))
  }

  /// Whose source this one's states are of: its own, or that of the stream that opens it for both.
  var opener: StateProvider { sharing ?? self }

  /// Does what the cache would be better for, and an answer does not need: what fails is one warning.
  private func unlessFailing(_ consequence: String, _ work: () throws -> Void) {
    do {
      try work()
    } catch {
      if !hasWarned { warn("\(consequence): \(error)") }
      hasWarned = true
    }
  }

  /// The source's folder, once it was shown to be the one the run was trained on; no model is opened.
  public func sourceFolder() throws -> ModelFolder {
    if let sharing { return try sharing.sourceFolder() }
    if let verified { return verified }
    let here = places.filter { FileManager.default.fileExists(atPath: $0) }
    guard !here.isEmpty else {
      throw GenerationError.noSource(hint: places.first ?? hint)
    }
    var refused: GenerationError?
    for path in here {
      let folder = try ModelFolder.open(path)
      let architecture = try folder.architecture(architectures).identityJSON
      let tokenizer = try Tokenizer.load(folder).fingerprint
      var differences = identity.differences(
        fromWeights: identity.weights, architecture: architecture, tokenizer: tokenizer)
      if !differences.isEmpty, isOneOfSeveral { continue }
      // All weights are read only where nothing smaller tells the two apart.
      if differences.isEmpty {
        differences = identity.differences(
          fromWeights: try folder.catalogue().sha256(), architecture: architecture,
          tokenizer: tokenizer)
      }
      guard differences.isEmpty else {
        refused =
          refused
          ?? .otherIdentity(
            path: path, differences: differences.map(\.description).joined(separator: "; "))
        continue
      }
      guard Precision(rawValue: identity.precision) != nil else {
        throw GenerationError.unknownPrecision(identity.precision)
      }
      verified = folder
      return folder
    }
    throw refused ?? GenerationError.noSource(hint: hint)
  }

  /// Throws unless a place that was named has a model with the architecture and tokenizer of one of the streams; its
  /// weights are not read for that.
  static func require(
    _ path: String, ofOneOf identities: [CacheIdentity], _ architectures: ArchitectureRegistry
  ) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw GenerationError.noSource(hint: path)
    }
    let folder = try ModelFolder.open(path)
    let architecture = try folder.architecture(architectures).identityJSON
    let tokenizer = try Tokenizer.load(folder).fingerprint
    let differences = identities.map {
      $0.differences(fromWeights: $0.weights, architecture: architecture, tokenizer: tokenizer)
    }
    guard differences.allSatisfy({ !$0.isEmpty }), let first = differences.first else { return }
    throw GenerationError.otherIdentity(
      path: path, differences: first.map(\.description).joined(separator: "; "))
  }

  /// The source, once it was shown to be the one the run was trained on.
  public func source() throws -> any Source {
    if let opened { return opened }
    let folder = try sourceFolder()
    guard let precision = Precision(rawValue: identity.precision) else {
      throw GenerationError.unknownPrecision(identity.precision)
    }
    let source =
      try sharing?.source()
      ?? Sources.open(folder, precision: precision, architectures: architectures)
    // Room for states is made by the identity's word.
    guard source.width == identity.width, (0...source.layerCount).contains(identity.layer) else {
      throw GenerationError.otherIdentity(
        path: folder.path,
        differences:
          "width \(source.width) with \(source.layerCount) layers is here, and the run has "
          + "layer \(identity.layer) of width \(identity.width)")
    }
    opened = source
    return source
  }

  /// The source as one that steps. Throws for one that sees whole documents.
  public func steppingSource() throws -> any SteppingSource {
    let source = try source()
    guard let stepping = source as? any SteppingSource else {
      throw KnowledgeSourceError.noDecoder(
        path: places.first ?? hint, family: source.architecture.family)
    }
    return stepping
  }

  /// The source as one with an output layer. Throws for one that writes nothing.
  public func decoderSource() throws -> DecoderSource {
    let source = try source()
    guard let decoder = source as? DecoderSource else {
      throw KnowledgeSourceError.noDecoder(
        path: places.first ?? hint, family: source.architecture.family)
    }
    return decoder
  }

  func mostSteps() throws -> Int { try steppingSource().maximumPositions }

  /// A session of the source, by which its states are stepped.
  private final class Stepper: StateStepper {
    let session: SourceSession
    init(_ session: SourceSession) { self.session = session }
  }

  func makeStepper(capacity: Int) throws -> any StateStepper {
    Stepper(
      try steppingSource().makeSession(
        capacity: capacity, layer: identity.layer, normalized: identity.normalized))
  }

  func step(
    _ pieces: [(stepper: any StateStepper, ids: [Int32])]
  ) throws -> [[Float]] {
    let work = pieces.map { piece in
      guard let stepper = piece.stepper as? Stepper else {
        preconditionFailure("a document of another provider")
      }
      return (session: stepper.session, ids: piece.ids)
    }
    let width = identity.width
    let states = FloatBuffer(count: pieces.reduce(0) { $0 + $1.ids.count } * width)
    let before = work.map(\.session.count)
    try steppingSource().append(work, into: states.base)
    do {
      var next = states.base
      return try pieces.map { piece in
        defer { next += piece.ids.count * width }
        try codec.roundTrip(next, tokens: piece.ids.count, width: width)
        return Array(UnsafeBufferPointer(start: next, count: piece.ids.count * width))
      }
    } catch {
      // As before the step, so that it may be asked for again.
      for (piece, count) in zip(work, before) { piece.session.truncate(to: count) }
      throw error
    }
  }

  private func store(_ prompt: PromptFormat.Encoded, _ states: UnsafePointer<Float>) throws {
    guard let cache, storesMisses else { return }
    let start = try cache.storedTokens(of: prompt.ids)
    let records = try cache.records(
      of: prompt.ids, from: start, states: states + start * identity.width, place: "a prompt asked")
    let document = CacheDocument(
      split: .asked, corpus: "asked", line: 0, form: DocumentForm(prompt.given),
      given: prompt.given?.canonical, prompt: prompt.text, promptIDs: prompt.ids, response: [],
      responseIDs: [])
    try cache.storeMiss(CacheEntry(document: document, coverage: .prompt, records: records))
  }
}

extension DocumentForm {
  /// How the cache has a prompt that was asked; `nil`: one of which the rendering alone is known.
  fileprivate init(_ prompt: PromptFormat.Prompt?) {
    switch prompt {
    case .raw: self = .text
    case .messages: self = .messages
    case nil: self = .rendered
    }
  }
}
