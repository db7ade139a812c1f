import FeatureCache
import Foundation
import Identity
import Numerics
import TestSupport
import Testing

/// The transform codec: its fit as bytes, what it keeps, what it refuses.
@Suite struct TransformCodecTests {
  private let width = TinyCache.Sample.width
  private let sample = TinyCache.Sample(tokens: 400, seed: 21)

  private func decoded(_ codec: TransformCodec, _ states: [Float]) throws -> [Float] {
    var states = states
    try codec.roundTrip(&states, tokens: states.count / width, width: width)
    return states
  }

  private func error(_ states: [Float], _ decoded: [Float]) -> Float {
    let squares = zip(states, decoded).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (squares / states.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test func aFitReadsAsItWasWritten() throws {
    let fit = TinyCache.transform.fit
    let read = try TransformFit(bytes: fit.bytes)
    #expect(read.bytes == fit.bytes)
    #expect(read.measurement == fit.measurement && read.allowance == fit.allowance)
    let (one, other) = (TransformCodec(fit), TransformCodec(read))
    #expect(one.identity == other.identity)
    #expect(one.identity.hasPrefix("transform:0.01:"))
    #expect(try decoded(one, sample.states) == decoded(other, sample.states))
    var salted = fit
    salted.salt = (1...16).map { UInt8($0) }
    #expect(try TransformFit(bytes: salted.bytes).salt == salted.salt)
    #expect(TransformCodec(salted).identity != one.identity)
    #expect(try decoded(TransformCodec(salted), sample.states) == decoded(one, sample.states))
  }

  @Test func damagedFitsAreErrors() throws {
    let bytes = TinyCache.transform.fit.bytes
    for count in stride(from: 0, to: bytes.count, by: 97) {
      #expect(throws: CodecError.self) { try TransformFit(bytes: Array(bytes.prefix(count))) }
    }
    #expect(throws: CodecError.self) { try TransformFit(bytes: bytes + [0]) }
    // A changed byte either is noticed, or makes another codec, whose states are finite or an error.
    for index in stride(from: 0, to: bytes.count, by: 89) {
      var changed = bytes
      changed[index] ^= 0x55
      guard let fit = try? TransformFit(bytes: changed) else { continue }
      let codec = TransformCodec(fit)
      #expect(codec.identity != TinyCache.transform.identity)
      let few = Array(sample.states.prefix(4 * width))
      if let states = try? decoded(codec, few) {
        #expect(states.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test func aSmallerStepTakesMoreBytesAndLosesLess() throws {
    var last: (bytes: Int, error: Float) = (.max, 0)
    for step in [0.01, 0.05, 0.25] as [Float] {
      let codec = TransformCodec(try TinyCache.fitting.fit(step: step, allowance: 0.01))
      let payload = try codec.encode(sample.states, tokens: 400, width: width).payload
      let lost = error(sample.states, try decoded(codec, sample.states))
      #expect(payload.count < last.bytes && lost > last.error)
      last = (payload.count, lost)
    }
  }

  /// Against the same codec that knows nothing of the output layer: at equal bytes, the distribution of the next
  /// token changes less.
  @Test func bitsGoWhereTheOutputLayerLooks() throws {
    func measured(_ codec: TransformCodec) throws -> (bytes: Double, divergence: Float) {
      let payload = try codec.encode(sample.states, tokens: 400, width: width).payload
      return (
        Double(payload.count), sample.divergence(of: try decoded(codec, sample.states))
      )
    }
    let shaped = try measured(
      TransformCodec(try TinyCache.fitting.fit(step: 0.2, allowance: 0.01)))
    let plain = try TinyCache.Sample(tokens: 3000, seed: 20).fitting(readsOutput: false)
    // The plain codec with as many bytes, or a little more.
    var step = 16 * plain.startingStep
    var rival = try measured(TransformCodec(try plain.fit(step: step, allowance: 0.01)))
    while rival.bytes < shaped.bytes {
      step /= 1.1
      rival = try measured(TransformCodec(try plain.fit(step: step, allowance: 0.01)))
    }
    #expect(shaped.bytes <= rival.bytes)
    #expect(shaped.divergence < 0.7 * rival.divergence)
  }

  @Test func statesThatTheFitKnowsAreExact() throws {
    let known = Array(TinyCache.Sample(tokens: 3000, seed: 20).states.prefix(width))
    let codec = TinyCache.transform
    #expect(try decoded(codec, known) == known)
    #expect(try codec.encode(known, tokens: 1, width: width).payload.count < 10)
    var near = known
    near[3] = near[3].nextUp
    #expect(try decoded(codec, near) != near, "another state is not taken for it")
  }

  @Test func whatIsFarFromTheSampleKeepsItsSize() throws {
    let codec = TinyCache.transform
    var states = Array(sample.states.prefix(2 * width))
    // Beyond a million steps: kept whole.
    states[5] = 1e9
    let far = try decoded(codec, states)
    #expect(Array(far.prefix(width)) == Array(states.prefix(width)))
    // Beyond the tables: in the side stream.
    states[5] = 300
    let near = try decoded(codec, states)
    #expect(error(Array(states.prefix(width)), Array(near.prefix(width))) < 0.01)
    // The next token is as it is alone.
    #expect(
      Array(near.suffix(width)) == (try decoded(codec, Array(states.suffix(width)))))
  }

  @Test func anotherWidthIsRefused() throws {
    let codec = TinyCache.transform
    #expect(throws: CodecError.self) {
      try codec.encode([Float](repeating: 0, count: 2 * width), tokens: 1, width: 2 * width)
    }
  }

  @Test func tooFewTokensToFitOnAreRefused() throws {
    let few = TinyCache.Sample(tokens: width, seed: 3)
    let error = #expect(throws: CodecError.self) { try few.fitting(readsOutput: true) }
    #expect(error?.description.contains("too few") == true)
  }

  @Test(arguments: [1e30, 1e37] as [Float])
  func statesWithSquaresBeyondFloat32AreRefused(size: Float) throws {
    let states = TinyCache.Sample(tokens: 3000, seed: 20).states.map { $0 * size }
    let error = #expect(throws: CodecError.self) {
      _ = try TransformFitting(states: states, tokens: 3000, width: width, output: nil)
    }
    #expect(error?.description.contains("too large") == true)
  }

  @Test func anAllowanceIsHeldByTwiceTheIntervalAndTheDivergence() {
    func cost(_ added: Double, _ bound: Double, _ divergence: Double) -> Double {
      FitMeasurement(
        fittedTokens: 1, added: added, bound: bound, divergence: divergence
      ).cost
    }
    #expect(cost(0.25, 0.375, 0.125) == 0.5)
    #expect(cost(-0.25, 0.125, 0.625) == 0.625)
    #expect(cost(0.25, 0.375, .nan).isNaN && cost(.nan, .nan, 0.125).isNaN)
  }

  @Test(arguments: [
    "transform", "transform:", "transform:0", "transform:-1", "transform:nan", "transform:1e9",
    "int3",
  ])
  func badChoicesAreRefused(text: String) {
    #expect(throws: CacheError.self) { try CodecRegistry.builtIn.choice(text) }
  }

  @Test func choicesAreRead() throws {
    #expect(try CodecRegistry.builtIn.choice("transform:0.005") == .transform(allowance: 0.005))
    #expect(try CodecRegistry.builtIn.choice("int8") == .standard)
    #expect(try CodecRegistry.builtIn.choice("transform:0.005").description == "transform:0.005")
    #expect(CodecChoice.transform(allowance: 0.01).matches(TinyCache.transform))
    #expect(!CodecChoice.transform(allowance: 0.02).matches(TinyCache.transform))
    #expect(!CodecChoice.standard.matches(TinyCache.transform))
  }

  // MARK: - In a cache

  private let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private var identity: CacheIdentity {
    fixture.identity(codec: TinyCache.transform.identity, width: width)
  }

  /// Three documents of 100 tokens whose states are the sample's.
  private func put(in path: String, key: CacheKey? = nil) throws {
    let cache = try FeatureCache.create(
      path, identity: identity, source: fixture.source, codec: TinyCache.transform,
      encrypted: key != nil, key: key)
    for number in 0..<3 {
      let document = TinyCache.document(number, tokens: 100)
      let ids = document.ids(.prompt)
      let states = Array(sample.states[number * 100 * width..<(number + 1) * 100 * width])
      try cache.put([
        CacheEntry(
          document: document, coverage: .prompt,
          records: try cache.records(of: ids, states: states, place: "here"))
      ])
    }
    try cache.close()
  }

  private func requireWhole(_ cache: FeatureCache) throws {
    #expect(cache.codec.identity == TinyCache.transform.identity)
    for (number, entry) in try cache.documents().enumerated() {
      let states = Array(sample.states[number * 100 * width..<(number + 1) * 100 * width])
      #expect(try TinyCache.read(cache, entry.id) == decoded(TinyCache.transform, states))
    }
    #expect(try cache.verify() == [])
  }

  @Test func aCacheHoldsItsFit() throws {
    try put(in: fixture.path())
    let cache = try FeatureCache.open(fixture.path(), expecting: identity)
    try requireWhole(cache)
    #expect(
      try TinyCache.sqlite3(fixture.path(), "SELECT codec FROM cache_codecs")
        == TinyCache.transform.identity + "\n")
    #expect(
      try cache.codec(
        .transform(allowance: 0.01), of: fixture.identity(width: width),
        acceptOtherNumerics: false)?.identity == TinyCache.transform.identity)
    #expect(
      try cache.codec(
        .transform(allowance: 0.02), of: fixture.identity(width: width),
        acceptOtherNumerics: false) == nil)
  }

  @Test func anEncryptedCacheSealsItsFit() throws {
    let key = try CacheKey(
      hexadecimal: String(repeating: "07", count: 32), from: "the test")
    try put(in: fixture.path(), key: key)
    try requireWhole(try FeatureCache.open(fixture.path(), key: key))
    let file = try Data(contentsOf: URL(fileURLWithPath: fixture.path()))
    // A zstd frame's first bytes.
    let plain = try TinyCache.sqlite3(fixture.path(), "SELECT hex(substr(fit, 1, 4)) FROM codecs")
    #expect(plain != "28B52FFD\n" && !file.isEmpty)
  }

  @Test func mergingTakesTheFitAlong() throws {
    try put(in: fixture.path("a"))
    let other = try FeatureCache.open(fixture.path("a"))
    try fixture.create("b").close()
    let cache = try FeatureCache.open(fixture.path("b"), .write)
    _ = try cache.merge(other, beside: true)
    try cache.close()
    try requireWhole(try FeatureCache.open(fixture.path("b"), expecting: identity))
    // A purged stream's fit goes with it.
    let stream = try FeatureCache.open(fixture.path("b"), .write, expecting: identity)
    _ = try stream.purgeStream()
    try stream.close()
    #expect(try TinyCache.sqlite3(fixture.path("b"), "SELECT count(*) FROM codecs") == "0\n")
  }

  @Test(arguments: [
    "UPDATE codecs SET fit = substr(fit, 1, length(fit) - 1)",
    "UPDATE codecs SET fit = zeroblob(20), checksum = checksum", "UPDATE codecs SET bound = 1",
    "UPDATE codecs SET identity = 'transform:0.01:0000000000000000'", "DELETE FROM codecs",
    "UPDATE codecs SET fitted_tokens = 1", "UPDATE codecs SET checksum = zeroblob(32)",
  ])
  func aDamagedFitHarmsItsStreamAlone(sql: String) throws {
    try put(in: fixture.path())
    let plain = fixture.identity(width: width)
    let beside = try FeatureCache.create(
      fixture.path(), identity: plain, source: fixture.source, beside: true)
    try beside.put([try TinyCache.entry(beside, TinyCache.document(0, tokens: 100))])
    try beside.close()
    _ = try TinyCache.sqlite3(fixture.path(), sql)

    let damaged = try FeatureCache.open(fixture.path(), expecting: identity)
    let document = try #require(try damaged.documents().first).id
    let message = TinyCache.message { _ = try TinyCache.read(damaged, document) }
    #expect(message.contains("codec transform:0.01:"))
    let damage = try damaged.verify()
    #expect(damage.first { $0.stream == 1 }?.description.contains("purge --stream 1") == true)
    #expect(damage.allSatisfy { $0.stream != 2 })
    let other = try FeatureCache.create(
      fixture.path("other"), identity: plain, source: fixture.source)
    #expect(
      TinyCache.message { _ = try other.merge(damaged, beside: true) }
        .contains("codec transform:0.01:"))

    let sound = try FeatureCache.open(fixture.path(), expecting: plain)
    #expect(try TinyCache.read(sound, document).count == 100 * width)
    let writer = try FeatureCache.open(fixture.path(), .write, expecting: identity)
    _ = try writer.purgeStream()
    try writer.close()
    #expect(try FeatureCache.open(fixture.path()).verify() == [])
  }

  @Test func aFitThatNoStreamHasIsFound() throws {
    try put(in: fixture.path())
    _ = try TinyCache.sqlite3(
      fixture.path(),
      "INSERT INTO codecs SELECT 9, 'x', 1, 1, 1, 1, 1, 1, fit, 1, checksum FROM codecs")
    let damage = try FeatureCache.open(fixture.path()).verify()
    #expect(damage.map(\.description) == ["the file: no stream uses the codec x"])
    let cache = try FeatureCache.open(fixture.path(), .write)
    try cache.removeUnusedFits()
    #expect(try cache.verify() == [])
  }
}
