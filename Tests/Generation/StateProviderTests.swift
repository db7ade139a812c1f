import Architectures
import FeatureCache
import Foundation
import Generation
import Identity
import KnowledgeSource
import ModelFiles
import Numerics
import Testing
import Tokenization

/// Where a prompt's states come from, and what they are to the bit.
@Suite struct StateProviderTests {
  /// A folder of its own, with a cache of one prompt's states of the golden source.
  private final class Place {
    static let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("denju/Goldens/files/source").path

    let folder: String
    let identity: CacheIdentity
    let tokenizer: Tokenizer
    var path: String { folder + "/cache.sqlite" }

    init() throws {
      folder =
        FileManager.default.temporaryDirectory
        .appendingPathComponent("denju-states-\(UUID().uuidString)").path
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let model = try ModelFolder.open(Self.source)
      tokenizer = try Tokenizer.load(model)
      identity = CacheIdentity(
        weights: try model.catalogue().sha256(),
        architecture: try model.architecture().identityJSON,
        tokenizer: tokenizer.fingerprint, layer: 1, normalized: false, codec: "float16",
        numerics: Numerics.version, width: try model.architecture().width)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func prompt(_ text: String) -> PromptFormat.Encoded {
      .init(text: Array(text.utf8), ids: tokenizer.encode(text), isLossy: false)
    }

    /// A cache that has made-up states for one prompt, so that a hit shows where they are from.
    func cache(_ prompt: PromptFormat.Encoded, _ states: [Float]) throws -> FeatureCache {
      let cache = try FeatureCache.create(
        path, identity: identity,
        source: CacheSource(
          name: "golden", path: Self.source, tokenizer: tokenizer.serialized(), chatTemplate: nil))
      let document = CacheDocument(
        split: .train, corpus: "made", line: 1, prompt: prompt.text, promptIDs: prompt.ids,
        response: [], responseIDs: [])
      _ = try cache.put([
        CacheEntry(
          document: document, coverage: .prompt,
          records: try cache.records(of: prompt.ids, states: states, place: "made"))
      ])
      return cache
    }

    func provider(
      _ cache: FeatureCache?, source: String? = Place.source,
      warn: @escaping (String) -> Void = { _ in }
    ) throws -> StateProvider {
      try StateProvider(
        identity: identity, codec: try CodecRegistry.builtIn.codec("float16", parameters: nil),
        cache: cache, sources: source.map { [$0] } ?? [], hint: "/was/here", warn: warn)
    }
  }

  /// What half precision makes of a value, by the language's own rounding.
  private func halved(_ values: [Float]) -> [UInt32] {
    values.map { Float(Float16($0)).bitPattern }
  }

  @Test func `a hit is what was stored, through the codec, and opens no source`() throws {
    let place = try Place()
    let prompt = place.prompt("The thing is")
    let states = (0..<prompt.ids.count * place.identity.width).map { Float($0) * 0.001 - 0.3 }
    let provider = try place.provider(try place.cache(prompt, states), source: nil)
    let (values, origin) = try provider.states(prompt)
    #expect(origin == .reused)
    #expect(values.map(\.bitPattern) == halved(states))
  }

  @Test func `a miss is the source's layer, through the codec, and is stored`() throws {
    let place = try Place()
    let known = place.prompt("The thing is")
    let cache = try place.cache(
      known, [Float](repeating: 1, count: known.ids.count * place.identity.width))
    let prompt = place.prompt("Another thing")
    var computed = [Float](repeating: 0, count: prompt.ids.count * place.identity.width)
    try DecoderSource(ModelFolder.open(Place.source)).states(
      prompt.ids, layer: 1, normalized: false, into: &computed)

    let provider = try place.provider(cache)
    #expect(provider.storesMisses)
    let (missed, first) = try provider.states(prompt)
    #expect(first == .recomputed)
    #expect(missed.map(\.bitPattern) == halved(computed))
    let (found, second) = try place.provider(cache, source: nil).states(prompt)
    #expect(second == .reused)
    #expect(found.map(\.bitPattern) == missed.map(\.bitPattern))
    #expect(try cache.documents(.asked).count == 1)
  }

  @Test func `what is asked is stored in the form it was asked in`() throws {
    let place = try Place()
    let known = place.prompt("The thing is")
    let cache = try place.cache(
      known, [Float](repeating: 1, count: known.ids.count * place.identity.width))
    let format = try PromptFormat(place.tokenizer)
    let provider = try place.provider(cache)
    for prompt in [
      try format.prompt(.raw("A text")),
      try format.prompt(.messages([ChatMessage(role: "user", content: "Hello \"you\"")])),
      place.prompt("Tokens alone"),
    ] { _ = try provider.states(prompt) }
    let stored = try cache.documents(.asked).map { try cache.document($0.id) }
    #expect(
      Set(stored.map { "\($0.form): \(String(decoding: $0.given, as: UTF8.self))" }) == [
        "text: A text", #"messages: [{"role":"user","content":"Hello \"you\""}]"#,
        "rendered: Tokens alone",
      ])
    #expect(try cache.verify() == [])
  }

  @Test func `a cache opened for reading stores nothing, and says nothing`() throws {
    let place = try Place()
    let known = place.prompt("The thing is")
    try place.cache(known, [Float](repeating: 1, count: known.ids.count * place.identity.width))
      .close()
    var warnings: [String] = []
    let cache = try FeatureCache.open(place.path)
    let provider = try place.provider(cache) { warnings.append($0) }
    #expect(!provider.storesMisses)
    for _ in 0..<2 { #expect(try provider.states(place.prompt("Another")).origin == .recomputed) }
    #expect(try cache.documents(.asked).isEmpty)
    #expect(warnings.isEmpty)
  }

  @Test func `without a source, or with another, a miss is one line`() throws {
    let place = try Place()
    let prompt = place.prompt("The thing is")
    #expect(throws: GenerationError.noSource(hint: "/was/here")) {
      try place.provider(nil, source: nil).states(prompt)
    }
    #expect(throws: GenerationError.noSource(hint: "/nowhere")) {
      try place.provider(nil, source: "/nowhere").states(prompt)
    }
    #expect(throws: GenerationError.emptyPrompt) { try place.provider(nil).states(.empty) }
    let long = place.prompt(String(repeating: "thing ", count: 400))
    #expect {
      try place.provider(nil).states(long)
    } throws: { error in
      guard case .tooLong(long.ids.count, _, "source") = error as? GenerationError else {
        return false
      }
      return true
    }
    var other = place.identity
    other.weights = String(repeating: "0", count: 64)
    #expect {
      try StateProvider(
        identity: other, codec: CodecRegistry.builtIn.codec("float16", parameters: nil), cache: nil,
        sources: [Place.source]
      ).states(prompt)
    } throws: { error in
      guard case .otherIdentity(Place.source, _) = error as? GenerationError else { return false }
      return "\(error)".contains("weights")
    }
  }

  /// Memory for states is taken by the run's word of their width, and filled by the source's.
  @Test(arguments: [1, 47, 1 << 20]) func `a width or layer that the source has not is refused`(
    width: Int
  ) throws {
    let place = try Place()
    for change in [
      { (identity: inout CacheIdentity) in identity.width = width },
      { (identity: inout CacheIdentity) in identity.layer = 7 },
    ] {
      var other = place.identity
      change(&other)
      #expect {
        try StateProvider(
          identity: other, codec: CodecRegistry.builtIn.codec("float16", parameters: nil),
          cache: nil, sources: [Place.source]
        ).states(place.prompt("The thing is"))
      } throws: { error in
        guard case .otherIdentity(Place.source, _) = error as? GenerationError else { return false }
        return "\(error)".contains("width")
      }
    }
  }

  /// States that other kernels computed are another stream's, whose source no states of these kernels may stand for.
  @Test func `a source is opened for both streams only where both are of the same kernels`() throws
  {
    let place = try Place()
    var other = place.identity
    other.numerics = "elsewhere-1"
    for first in [place.identity, other] {
      let codec = try CodecRegistry.builtIn.codec("float16", parameters: nil)
      let opened = try StateProvider(
        identity: first, codec: codec, cache: nil, sources: [Place.source])
      let second = try StateProvider(
        identity: first == other ? place.identity : other, codec: codec, cache: nil,
        sources: [Place.source], sharing: [opened])
      let prompt = place.prompt("The thing is")
      let (foreign, own) = first == other ? (opened, second) : (second, opened)
      #expect(try own.states(prompt).origin == .recomputed)
      #expect {
        try foreign.states(prompt)
      } throws: { error in
        guard case .otherIdentity = error as? GenerationError else { return false }
        return "\(error)".contains("numerics")
      }
    }
  }
}

extension StateProvider {
  /// As a run has them that reads this stream alone.
  fileprivate func states(
    _ prompt: PromptFormat.Encoded
  ) throws -> (values: [Float], origin: StatesOrigin) {
    let (values, origin) = try RunStates([self], leftOut: []).states([prompt])
    return (values[0], origin)
  }
}
