import FeatureCache
import Foundation
import TestSupport
import Testing

/// What the codecs keep, what they refuse, and what they do with bytes that are not theirs.
@Suite struct CodecTests {
  /// Normal values of very different sizes, with the cases that codecs stumble over.
  private static let width = 48
  private static let tokens = 6
  private static let states: [Float] = {
    let drawn = TinyCache.states(Array(1...Int32(tokens - 3)), width: width)
    let large = TinyCache.states([7], width: width).map { $0 * 900 }
    let small = TinyCache.states([8], width: width).map { $0 * 1e-21 * 1e-21 }
    return drawn + large + small + [Float](repeating: -0.0, count: width)
  }()

  private func encode(_ codec: any StateCodec, _ states: [Float], _ tokens: Int) throws -> [UInt8] {
    try codec.encode(states, tokens: tokens, width: states.count / tokens).payload
  }

  private func decode(_ codec: any StateCodec, _ payload: [UInt8], _ tokens: Int, _ width: Int)
    throws -> [Float]
  {
    var states = [Float](repeating: .nan, count: tokens * width)
    try payload.withUnsafeBytes {
      try codec.decode($0, tokens: tokens, width: width, into: &states)
    }
    return states
  }

  @Test(arguments: TinyCache.codecs.map(\.name))
  func decodingEqualsTheRoundTrip(name: String) throws {
    let codec = try TinyCache.codec(name)
    let decoded = try decode(
      codec, try encode(codec, Self.states, Self.tokens), Self.tokens, Self.width)
    var passed = Self.states
    try codec.roundTrip(&passed, tokens: Self.tokens, width: Self.width)
    #expect(decoded.bits == passed.bits)
    // A token's values don't depend on its neighbours.
    for token in 0..<Self.tokens {
      let range = token * Self.width..<(token + 1) * Self.width
      var alone = Array(Self.states[range])
      try codec.roundTrip(&alone, tokens: 1, width: Self.width)
      #expect(alone.bits == passed[range].bits)
    }
  }

  @Test func float32IsExact() throws {
    let codec = Float32Codec()
    let decoded = try decode(
      codec, try encode(codec, Self.states, Self.tokens), Self.tokens, Self.width)
    #expect(decoded.bits == Self.states.bits)
  }

  @Test func float16IsRoundedToNearest() throws {
    let codec = Float16Codec()
    let decoded = try decode(
      codec, try encode(codec, Self.states, Self.tokens), Self.tokens, Self.width)
    #expect(decoded == Self.states.map { Float(Float16($0)) })
    // A half has 11 significant bits; below 2^-14 its steps are 2^-24 wide.
    for (value, half) in zip(Self.states, decoded) {
      #expect(abs(half - value) <= max(abs(value) * 0x1p-11, 0x1p-25))
    }
    // Twice rounded is once rounded.
    #expect(
      try decode(codec, try encode(codec, decoded, Self.tokens), Self.tokens, Self.width) == decoded
    )
  }

  @Test func int8IsOffByHalfAStepAtMost() throws {
    let codec = Int8Codec()
    let decoded = try decode(
      codec, try encode(codec, Self.states, Self.tokens), Self.tokens, Self.width)
    for token in 0..<Self.tokens {
      let row = Self.states[token * Self.width..<(token + 1) * Self.width]
      let largest = row.map(abs).max() ?? 0
      let step = largest / 127
      // Three roundings of float32: the scale, the quotient and the product. Below float32's
      // smallest normal number, where the scale has few bits, the error is bounded by those of the
      // scale, 127 times.
      let slack = largest * 3 * 0x1p-23 + 127 * Float.leastNonzeroMagnitude
      for (value, restored) in zip(row, decoded[row.startIndex..<row.endIndex]) {
        #expect(abs(restored - value) <= step / 2 + slack)
      }
    }
  }

  @Test func int4IsOffByHalfAStepOfItsGroup() throws {
    let codec = Int4Codec()
    let decoded = try decode(
      codec, try encode(codec, Self.states, Self.tokens), Self.tokens, Self.width)
    for token in 0..<Self.tokens {
      for start in stride(from: 0, to: Self.width, by: 32) {
        let range = token * Self.width + start..<token * Self.width + min(start + 32, Self.width)
        let row = Self.states[range]
        // The scale is a bfloat16, of 8 significant bits: off by 2^-9 at most, 7 times; below float32's
        // smallest normal number it has steps of 2^-133.
        let step = (row.map(abs).max() ?? 0) / 7
        let slack = step * (0.5 + 7 * 0x1p-8) + 8 * 0x1p-133
        for (value, restored) in zip(row, decoded[range]) {
          #expect(abs(restored - value) <= slack)
        }
      }
    }
  }

  /// Single channels a thousand times as large as the others, as in a middle layer's first token.
  @Test func int4KeepsOutliersApart() throws {
    var states = TinyCache.states([3, 4], width: 576)
    states[5] = 25_000
    states[77] = -900
    states[576 + 575] = 1e30
    let codec = Int4Codec()
    let decoded = try decode(codec, try encode(codec, states, 2), 2, 576)
    #expect(decoded[5] == 25_000 && decoded[77] == -900 && decoded[576 + 575] == 1e30)
    let errors = zip(states, decoded).map { abs($0 - $1) }
    #expect(errors.max()! < 0.7, "the others are within a half of a seventh of 8")
    // An odd width has a half byte left.
    let odd = Array(states.prefix(65))
    #expect(try decode(codec, try encode(codec, odd, 1), 1, 65)[5] == 25_000)
  }

  @Test func int8RoundsHalvesToEven() throws {
    // The scale is exactly 1.
    let states: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -126.5, 0.49999997]
    let decoded = try decode(Int8Codec(), try encode(Int8Codec(), states, 1), 1, states.count)
    #expect(decoded == [127, 0, 2, 2, 0, -2, -2, 126, -126, 0])
  }

  @Test(arguments: TinyCache.codecs.map(\.name), [Float.nan, .infinity, -.infinity, .signalingNaN])
  func whatIsNotFiniteIsRefused(name: String, value: Float) throws {
    var states = Self.states
    states[2 * Self.width + 5] = value
    let codec = try TinyCache.codec(name)
    let error = #expect(throws: CodecError.self) {
      _ = try encode(codec, states, Self.tokens)
    }
    #expect(error?.description.hasPrefix("token 2, channel 5 is ") == true)
  }

  @Test func whatHalfPrecisionCannotHoldIsRefused() throws {
    #expect(throws: CodecError.outOfRange(token: 0, channel: 1, value: 65_520, limit: 65_504)) {
      try encode(Float16Codec(), [0, 65_520], 1)
    }
    #expect(try decode(Float16Codec(), try encode(Float16Codec(), [65_519], 1), 1, 1) == [65_504])
  }

  @Test func theLargestNumbersNeverBecomeInfinite() throws {
    for value in [Float.greatestFiniteMagnitude, Float.greatestFiniteMagnitude.nextDown, 1e38] {
      do {
        let decoded = try decode(Int8Codec(), try encode(Int8Codec(), [value, -value, 1], 1), 1, 3)
        #expect(decoded.allSatisfy { $0.isFinite })
      } catch CodecError.outOfRange {
        #expect(value > 3.4e38)
      }
    }
  }

  @Test(arguments: TinyCache.codecs.map(\.name))
  func hostilePayloadsAreErrors(name: String) throws {
    let codec = try TinyCache.codec(name)
    let good = try encode(codec, Self.states, Self.tokens)
    func refused(_ payload: [UInt8], tokens: Int = Self.tokens, width: Int = Self.width) -> Bool {
      do {
        _ = try decode(codec, payload, tokens, width)
        return false
      } catch {
        return error is CodecError
      }
    }
    #expect(refused([]))
    for count in 0..<good.count { #expect(refused(Array(good.prefix(count)))) }
    #expect(refused(good + [0]))
    #expect(refused(good + good))
    #expect(refused(good, tokens: Self.tokens - 1))
    #expect(refused(good, width: Self.width + 1))
    // A flipped byte either is noticed or decodes to finite numbers: the checksum over the payload
    // is another layer.
    for index in good.indices {
      var payload = good
      payload[index] ^= 0x41
      if let decoded = try? decode(codec, payload, Self.tokens, Self.width) {
        #expect(decoded.allSatisfy { $0.isFinite })
      }
    }
    // A frame that says it holds four exabytes, and one of megabytes of zeros.
    #expect(refused([0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0]))
    if let bomb = try? encode(codec, [Float](repeating: 0, count: 4 << 20), 1) {
      #expect(refused(bomb))
    }
  }

  @Test func anUnknownCodecIsNamed() {
    let error = #expect(throws: CacheError.self) { try CodecRegistry.builtIn.choice("int3") }
    #expect(
      error?.description
        == "no codec is named `int3`: there are int8, int4, float16, float32, transform:NATS")
  }
}
