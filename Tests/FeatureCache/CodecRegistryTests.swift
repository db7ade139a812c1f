import FeatureCache
import Foundation
import TestSupport
import Testing

/// A codec that is fitted: multiples of a step, each as a byte.
private struct StepCodec: StateCodec {
  let step: Float
  let allowance: Double

  var name: String { "step" }
  var identity: String { "step:\(allowance):\(step)" }
  var parameters: [UInt8]? { withUnsafeBytes(of: step.bitPattern.littleEndian) { Array($0) } }
  var fitSummary: FitSummary? {
    FitSummary(allowance: allowance, measurement: FitMeasurement(fittedTokens: 12, added: 0.25))
  }

  func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    let payload = (0..<tokens * width).map { index in
      UInt8(bitPattern: Int8(max(-127, min(127, (states[index] / step).rounded()))))
    }
    if let decoded {
      for (index, byte) in payload.enumerated() {
        decoded[index] = Float(Int8(bitPattern: byte)) * step
      }
    }
    return EncodedStates(payload: payload, rawByteCount: payload.count)
  }

  func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    guard payload.count == tokens * width else { throw .badPayload("another size") }
    for (index, byte) in payload.enumerated() {
      states[index] = Float(Int8(bitPattern: byte)) * step
    }
  }

  func roundTrip(
    _ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) {
    _ = try encode(states, tokens: tokens, width: width, decoded: states)
  }
}

private struct StepFamily: CodecFamily {
  let name = "step"
  let usage = "step:NATS"
  let needsFit = true

  func choice(_ text: String) -> CodecChoice? {
    guard has(text), let allowance = Double(text.dropFirst(5)) else { return nil }
    return CodecChoice(self, text, allowance: allowance)
  }

  func has(_ identity: String) -> Bool { identity.hasPrefix("step:") }

  func codec(_ identity: String, parameters: [UInt8]?) throws(CacheError) -> any StateCodec {
    let parts = identity.split(separator: ":")
    guard let parameters, parameters.count == 4, let allowance = Double(parts[1]) else {
      throw .invalid("\(identity) has no step")
    }
    let bits = parameters.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return StepCodec(step: Float(bitPattern: bits), allowance: allowance)
  }

  func usualPayload(_ choice: CodecChoice, width: Int) -> Double { Double(width) }
}

/// A codec is a value and a line in a registry that is handed in: nothing else knows which there are.
@Suite struct CodecRegistryTests {
  let fixture: TinyCache
  private static let registry = CodecRegistry(
    CodecRegistry.builtIn.families + [UnfittedFamily(TurnedCodec()), StepFamily()])
  private static let step = StepCodec(step: 0.0625, allowance: 0.5)

  init() throws {
    fixture = try TinyCache()
  }

  private func filled(
    _ name: String, _ codec: any StateCodec, numbers: Range<Int>, encrypted key: CacheKey? = nil
  ) throws -> FeatureCache {
    let cache = try FeatureCache.create(
      fixture.path(name), identity: fixture.identity(codec: codec.identity),
      source: fixture.source, codec: codec.parameters == nil ? nil : codec,
      encrypted: key != nil, key: key, codecs: Self.registry)
    for number in numbers {
      try cache.put([
        try TinyCache.entry(cache, TinyCache.document(number, tokens: 100, shared: 64))
      ])
    }
    return cache
  }

  @Test(arguments: [TurnedCodec() as any StateCodec, step])
  func `a toy codec stores, reads, verifies and merges`(codec: any StateCodec) throws {
    try filled("whole.sqlite", codec, numbers: 0..<3).close()
    let whole = try FeatureCache.open(fixture.path("whole.sqlite"), codecs: Self.registry)
    #expect(whole.codec.identity == codec.identity && whole.codec.name == codec.name)
    #expect(try whole.verify() == [])
    for entry in try whole.documents() {
      var expected = TinyCache.states(try whole.document(entry.id).promptIDs)
      try codec.roundTrip(&expected, tokens: 100, width: 8)
      #expect(try TinyCache.read(whole, entry.id) == expected)
    }
    let merged = try filled("a.sqlite", codec, numbers: 0..<1)
    let other = try filled("b.sqlite", codec, numbers: 1..<3)
    _ = try merged.merge(other)
    #expect(try merged.contentDigest() == whole.contentDigest())
    let beside = try fixture.create("beside.sqlite")
    #expect(throws: CacheError.self) { try beside.merge(other, beside: true) }
    #expect(try beside.streams().count == 1, "a file that can't have the codec is left as it was")
    try beside.close()
    let knowing = try FeatureCache.open(
      fixture.path("beside.sqlite"), .write, codecs: Self.registry)
    _ = try knowing.merge(other, beside: true)
    #expect(try knowing.streams().count == 2 && knowing.verify() == [])
  }

  @Test func `who doesn't have the codec is told which there are`() throws {
    try filled("cache.sqlite", TurnedCodec(), numbers: 0..<1).close()
    let message = TinyCache.message { _ = try FeatureCache.open(fixture.path()) }
    #expect(message.contains("no codec is named `turned`"))
    #expect(message.contains("int8, int4, float16, float32, transform:NATS"))
  }

  @Test func `a fitted codec's row says what its fit does, and its damage is found`() throws {
    let key = try CacheKey(hexadecimal: String(repeating: "5a", count: 32), from: "the test")
    for key in [nil, key] {
      let name = key == nil ? "open.sqlite" : "sealed.sqlite"
      try filled(name, Self.step, numbers: 0..<1, encrypted: key).close()
      let row = try TinyCache.sqlite3(
        fixture.path(name), "SELECT identity, allowance, fitted_tokens, added FROM codecs")
      // Figures of an encrypted cache are rounded to a digit.
      #expect(row == "step:0.5:0.0625|0.5|12|\(key == nil ? 0.25 : 0.3)\n")
      _ = try TinyCache.sqlite3(fixture.path(name), "UPDATE codecs SET fit = zeroblob(4)")
      let cache = try FeatureCache.open(fixture.path(name), key: key, codecs: Self.registry)
      #expect(cache.codec.fault != nil && cache.codec.name == "step")
      let damage = try cache.verify()
      #expect(damage.count == 1 && damage.first?.item == .stream, "\(damage)")
    }
  }

  @Test func `a codec is chosen by what is written`() throws {
    let choice = try Self.registry.choice("step:0.5")
    #expect(choice.needsFit && choice.allowance == 0.5 && choice.matches(Self.step))
    #expect(try !Self.registry.choice("step:0.25").matches(Self.step))
    #expect(try Self.registry.choice("turned").matches(TurnedCodec()))
    #expect(throws: CacheError.self) { try CodecRegistry.builtIn.choice("turned") }
    #expect(choice.family.usualPayload(choice, width: 40) == 40)
  }
}
