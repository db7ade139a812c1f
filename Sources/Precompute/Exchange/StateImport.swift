import Architectures
import FeatureCache
import Foundation
import Identity
import ModelFiles
import Numerics
import Tokenization

/// Takes states into a cache that were computed elsewhere: exported from another cache, or made by another
/// program, as PyTorch on a GPU. The file's form is `StateFile`'s, in safetensors.
///
/// Only states that this program computed, and no codec rounded since, are its own: all others keep a
/// numerics version of their own, and are never taken for what a source would compute here.
public struct StateImport {
  /// What the states of a file are that does not say so itself.
  public struct Origin: Sendable {
    /// The source's folder or file: its weights are hashed, its tokenizer read.
    public var source: String
    /// 0 (embedding) to N (the last), or negative from the end: -1 is N.
    public var layer = -1
    public var normalized = true
    /// Who computed them: they are not this program's, bit for bit, and never taken for its own.
    public var numerics: String
    public var template: String?

    public init(source: String, numerics: String) {
      self.source = source
      self.numerics = numerics
    }
  }

  private let file: StateFileReader
  private let identity: CacheIdentity
  private let source: CacheSource
  private let chunkTokens: Int
  private let tokenizer: Tokenizer
  private let places: [Int64: StateFile.Place]
  /// In ascending order.
  private let numbers: [Int64]

  /// - Parameters:
  ///   - origin: needed where the file has no identity of its own, and refused where it has one.
  ///   - codec: how to store the states; `nil`: in float32.
  public init(_ path: String, origin: Origin?, codec: String?) throws {
    file = try StateFileReader(path)
    if let origin {
      guard !file.hasIdentity else {
        throw file.problem("it says itself whose states it has: leave --source out")
      }
      let folder = try ModelFolder.open(origin.source)
      let configuration = try folder.architecture()
      let layer = try SourceReading.layer(origin.layer, of: configuration)
      tokenizer = try Tokenizer.load(folder)
      source = CacheSource(
        name: folder.name, path: URL(fileURLWithPath: folder.path).standardizedFileURL.path,
        tokenizer: tokenizer.serialized(),
        chatTemplate: try PromptFormat(tokenizer, template: origin.template).templateName)
      identity = CacheIdentity(
        weights: try folder.catalogue().sha256(), architecture: configuration.identityJSON,
        tokenizer: tokenizer.fingerprint, layer: layer,
        normalized: origin.normalized && layer == configuration.layerCount
          && configuration.hasFinalNorm,
        codec: codec ?? Float32Codec().name, numerics: origin.numerics,
        width: configuration.width,
        scope: configuration.visibility == .document ? .document : .causal)
      chunkTokens = FeatureCache.standardChunkTokens
    } else {
      guard file.hasIdentity else {
        throw file.problem("it doesn't say whose states it has: name --source and --numerics")
      }
      var identity = try file.identity()
      // What a codec has rounded is not what the source computed: another codec, or the same once more,
      // would not make of it what it makes of the source's own states.
      if identity.codec != Float32Codec().name {
        identity.numerics += ", decoded from \(identity.codec)"
      }
      identity.codec = codec ?? Float32Codec().name
      self.identity = identity
      let stored = try file.decode(StateFile.Source.self, StateFile.source)
      let bytes = try file.bytes(StateFile.tokenizer)
      tokenizer = try Tokenizer(serialized: bytes)
      source = CacheSource(
        name: stored.name, path: stored.path, tokenizer: bytes, chatTemplate: stored.chatTemplate)
      chunkTokens = stored.chunkTokens
    }
    places = try Self.places(file)
    let suffix = ".\(StateFile.Part.states.rawValue)"
    let named = file.names.filter { $0.hasSuffix(suffix) }
    numbers = named.compactMap { Int64($0.dropLast(suffix.count)) }.sorted()
    if let odd = named.first(where: { name in
      Int64(name.dropLast(suffix.count)).map { StateFile.name($0, .states) } != name
    }) {
      throw file.problem("\(odd) does not begin with a number")
    }
    guard !numbers.isEmpty else {
      throw file.problem("it has no tensor like 1.states")
    }
  }

  /// Stores all documents of the file.
  ///
  /// - Parameter beside: add the stream to a cache of others.
  public func store(
    in cache: String, beside: Bool, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> PutReport {
    let isNew = FeatureCache.isBlank(cache)
    let cache = try opened(cache, beside: beside)
    defer { try? cache.close() }
    let run = try cache.beginRun(.import)
    let writer = BatchWriter(cache, run: run)
    var done = RunProgress()
    let began = ContinuousClock.now
    do {
      for number in numbers {
        try writer.add(try entry(number, cache))
        done.documents += 1
        progress(done.documents, numbers.count)
      }
      try writer.flush()
    } catch {
      try? cache.note(run, done, .failed)
      cache.dropIfEmpty()
      if isNew, try !cache.hasRecords() { try cache.discard() }
      throw error
    }
    done.bytes = writer.report.bytes
    done.seconds = (ContinuousClock.now - began).inSeconds
    done.outcomes = ["stored": writer.report.stored]
    try cache.note(run, done, .finished)
    try cache.close()
    return writer.report
  }

  private func opened(_ path: String, beside: Bool) throws -> FeatureCache {
    do throws(CacheError) {
      return try FeatureCache.create(
        path, identity: identity, source: source, chunkTokens: chunkTokens, beside: beside)
    } catch {
      throw PrecomputeError.offeringBeside(error)
    }
  }

  private func entry(_ number: Int64, _ cache: FeatureCache) throws -> CacheEntry {
    let (document, coverage) = try document(number)
    let ids = document.ids(coverage)
    let states = try file.floats(
      StateFile.name(number, .states), shape: [ids.count, identity.width])
    let records = try states.withUnsafeBufferPointer { values -> [CacheRecord] in
      guard let base = values.baseAddress else { return [] }
      return try cache.records(of: ids, states: base, place: "\(file.path): document \(number)")
    }
    return CacheEntry(document: document, coverage: coverage, records: records)
  }

  private func document(_ number: Int64) throws -> (CacheDocument, Coverage) {
    var prompt = try ids(number, .inputIDs)
    let response =
      !file.has(StateFile.name(number, .responseIDs)) ? [] : try ids(number, .responseIDs)
    let place = places[number]
    let (split, coverage, form) = try meaning(of: place)
    if coverage == .document {
      guard prompt.suffix(response.count) == response[...] else {
        throw file.problem("document \(number)'s input_ids don't end in its response_ids")
      }
      prompt.removeLast(response.count)
    }
    guard !prompt.isEmpty || coverage == .document else {
      throw file.problem("document \(number) has no tokens")
    }
    let given = StateFile.name(number, .given)
    return (
      CacheDocument(
        split: split,
        corpus: place?.corpus ?? (file.path as NSString).lastPathComponent,
        line: place?.line ?? Int(clamping: number), form: form,
        given: file.has(given) ? try file.bytes(given) : nil,
        prompt: try text(number, .prompt, prompt), promptIDs: prompt,
        response: try text(number, .response, response), responseIDs: response),
      coverage
    )
  }

  private func meaning(
    of place: StateFile.Place?
  ) throws -> (DocumentSplit, Coverage, DocumentForm) {
    guard let place else { return (.train, .prompt, .rendered) }
    let name = place.form ?? DocumentForm.rendered.rawValue
    guard let split = DocumentSplit(rawValue: place.split),
      let coverage = Coverage(rawValue: place.coverage), let form = DocumentForm(rawValue: name)
    else {
      throw file.problem(
        "document \(place.number) is of the split `\(place.split)`, the coverage "
          + "`\(place.coverage)` and the form `\(name)`, which are not known here")
    }
    return (split, coverage, form)
  }

  /// A text of the file, or else what its tokens spell.
  private func text(
    _ number: Int64, _ part: StateFile.Part, _ ids: [Int32]
  ) throws -> [UInt8] {
    let name = StateFile.name(number, part)
    return file.has(name) ? try file.bytes(name) : tokenizer.decode(ids)
  }

  private func ids(_ number: Int64, _ part: StateFile.Part) throws -> [Int32] {
    let name = StateFile.name(number, part)
    return try file.integers(name).map { id in
      guard (0..<Int64(tokenizer.vocabularySize)).contains(id) else {
        throw file.problem(
          "\(name) has the token \(id), and the tokenizer \(tokenizer.vocabularySize)")
      }
      return Int32(id)
    }
  }

  private static func places(_ file: StateFileReader) throws -> [Int64: StateFile.Place] {
    guard file.has(StateFile.documents) else { return [:] }
    var places: [Int64: StateFile.Place] = [:]
    for line in try file.bytes(StateFile.documents).split(separator: UInt8(ascii: "\n")) {
      guard let place = try? JSONDecoder().decode(StateFile.Place.self, from: Data(line)) else {
        throw file.problem("a line of `documents` is damaged")
      }
      places[place.number] = place
    }
    return places
  }
}
