import Architectures
import FeatureCache
import Foundation
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Tokenization

/// A prompt's states: from the cache where they are, or else from the source, through the same codec, so
/// that nothing depends on which it was. The source is opened at the first miss, and only then.
///
/// A conditioning that steps the source with every token asks for a stepper instead: the source then runs over
/// the prompt too, and the cache is not read.
///
/// For one thread.
public final class StateProvider: StateProviding {
  /// What the run was trained on.
  public let identity: CacheIdentity
  private let cache: FeatureCache?
  private let codec: any StateCodec
  private let sourcePath: String?
  private let hint: String
  private let warn: (String) -> Void
  private var hasWarned = false
  private var verified: ModelFolder?
  private let architectures: ArchitectureRegistry
  private var opened: (any Source)?

  /// Whether states that had to be computed are stored: only in a cache opened for writing.
  public var storesMisses: Bool { cache?.access == .write }

  public var hasCache: Bool { cache != nil }

  /// - Parameters:
  ///   - codec: the one that the identity names.
  ///   - cache: `nil`: every prompt is computed.
  ///   - source: path of the source; `nil`: a miss is an error.
  ///   - hint: where the source was at training, for that error.
  ///   - warn: told once, in one line, when what was computed or used can't be noted in the cache.
  public init(
    identity: CacheIdentity, codec: any StateCodec, cache: FeatureCache?, source: String?,
    hint: String = "", architectures: ArchitectureRegistry = .builtIn,
    warn: @escaping (String) -> Void = { _ in }
  ) throws {
    self.identity = identity
    self.cache = cache
    self.codec = codec
    sourcePath = source
    self.hint = hint
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

  /// States [ids.count, width] of the run's layer, as decoded from the codec: its one stream.
  public func states(
    _ prompt: PromptFormat.Encoded
  ) throws -> (values: [[Float]], origin: StatesOrigin) {
    var values = [Float](repeating: 0, count: prompt.ids.count * identity.width)
    let origin = try values.withUnsafeMutableBufferPointer { values in
      try fill(values, prompt)
    }
    return ([values], origin)
  }

  private func fill(
    _ values: UnsafeMutableBufferPointer<Float>, _ prompt: PromptFormat.Encoded
  ) throws -> StatesOrigin {
    guard !prompt.ids.isEmpty, let base = values.baseAddress else {
      throw GenerationError.emptyPrompt
    }
    if let cache, try cache.states(forTokenIDs: prompt.ids, into: values) {
      if storesMisses {
        unlessFailing("the uses of prompts are not noted") {
          try cache.noteHit(forTokenIDs: prompt.ids)
        }
      }
      return .reused
    }
    let source = try self.source()
    guard prompt.ids.count <= source.maximumPositions else {
      throw GenerationError.tooLong(
        tokens: prompt.ids.count, limit: source.maximumPositions, whose: "source")
    }
    try source.states(
      prompt.ids, layer: identity.layer, normalized: identity.normalized, into: base)
    unlessFailing("states of new prompts are not stored") { try store(prompt, base) }
    try codec.roundTrip(base, tokens: prompt.ids.count, width: identity.width)
    return .recomputed
  }

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
    if let verified { return verified }
    guard let path = sourcePath, FileManager.default.fileExists(atPath: path) else {
      throw GenerationError.noSource(hint: sourcePath ?? hint)
    }
    let folder = try ModelFolder.open(path)
    let differences = identity.differences(
      fromWeights: try folder.catalogue().sha256(),
      architecture: try folder.architecture(architectures).identityJSON,
      tokenizer: try Tokenizer.load(folder).fingerprint)
    guard differences.isEmpty else {
      throw GenerationError.otherIdentity(
        path: path, differences: differences.map(\.description).joined(separator: "; "))
    }
    guard Precision(rawValue: identity.precision) != nil else {
      throw GenerationError.unknownPrecision(identity.precision)
    }
    verified = folder
    return folder
  }

  /// The source, once it was shown to be the one the run was trained on.
  public func source() throws -> any Source {
    if let opened { return opened }
    let folder = try sourceFolder()
    guard let precision = Precision(rawValue: identity.precision) else {
      throw GenerationError.unknownPrecision(identity.precision)
    }
    let source = try Sources.open(folder, precision: precision, architectures: architectures)
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
        path: sourcePath ?? hint, family: source.architecture.family)
    }
    return stepping
  }

  /// The source as one with an output layer. Throws for one that writes nothing.
  public func decoderSource() throws -> DecoderSource {
    let source = try source()
    guard let decoder = source as? DecoderSource else {
      throw KnowledgeSourceError.noDecoder(
        path: sourcePath ?? hint, family: source.architecture.family)
    }
    return decoder
  }

  public func mostSteps() throws -> Int { try steppingSource().maximumPositions }

  /// A session of the source, by which its states are stepped.
  private final class Stepper: StateStepper {
    let session: SourceSession
    init(_ session: SourceSession) { self.session = session }
  }

  public func makeStepper(capacity: Int) throws -> any StateStepper {
    Stepper(
      try steppingSource().makeSession(
        capacity: capacity, layer: identity.layer, normalized: identity.normalized))
  }

  public func step(
    _ pieces: [(stepper: any StateStepper, ids: [Int32])]
  ) throws -> [[[Float]]] {
    let work = pieces.map { piece in
      guard let stepper = piece.stepper as? Stepper else {
        preconditionFailure("a document of another provider")
      }
      return (session: stepper.session, ids: piece.ids)
    }
    let width = identity.width
    let states = FloatBuffer(count: pieces.reduce(0) { $0 + $1.ids.count } * width)
    try steppingSource().append(work, into: states.base)
    var next = states.base
    return try pieces.map { piece in
      defer { next += piece.ids.count * width }
      try codec.roundTrip(next, tokens: piece.ids.count, width: width)
      return [Array(UnsafeBufferPointer(start: next, count: piece.ids.count * width))]
    }
  }

  private func store(_ prompt: PromptFormat.Encoded, _ states: UnsafePointer<Float>) throws {
    guard let cache, storesMisses else { return }
    let start = try cache.storedTokens(of: prompt.ids)
    let records = try cache.records(
      of: prompt.ids, from: start, states: states + start * identity.width, place: "a prompt asked")
    let document = CacheDocument(
      split: .asked, corpus: "asked", line: 0, prompt: prompt.text, promptIDs: prompt.ids,
      response: [], responseIDs: [])
    try cache.storeMiss(CacheEntry(document: document, coverage: .prompt, records: records))
  }
}
