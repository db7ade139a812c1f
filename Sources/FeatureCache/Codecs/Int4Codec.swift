/// Four bits a value and a scale a group of 32, with what would spoil a group kept apart: outliers, in
/// float32.
///
/// Middle layers need that: a model's first token has single channels a thousand times as large as the rest
/// of its state, and some channels are large in every token. A value is an outlier when it is over six times
/// the root mean square of its token, the outliers found before left out; in three rounds at most.
///
/// Of the others, `scale = max|x| / 7` in a group, rounded to bfloat16, and `q = x / scale` rounded to nearest
/// even, decoded as `q * scale`.
///
/// Raw layout, little-endian: for every token the number of its outliers (2 bytes); all outliers, each
/// its channel (4 bytes) and its value (4); `tokens * groups` scales (2); `tokens * ceil(width / 2)` bytes of
/// two q each, the even channel's low, as q + 8.
public struct Int4Codec: StateCodec {
  public let name = "int4"

  public init() {}

  public func usualPayload(width: Int) -> Double { 0.5 * Double(width) + 8 }

  private static let group = 32
  private static let rounds = 3
  private static let outlierFactor = 6.0
  /// 1.5 * 2^23: added to a float32 between -2^22 and 2^22, it leaves the nearest even integer in the sum's
  /// lowest bits.
  private static let rounder: Float = 12_582_912

  public func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    try requireFinite(states, tokens: tokens, width: width)
    var packed = PackedNibbles()
    for token in 0..<tokens { Self.pack(states + token * width, width: width, into: &packed) }
    let raw = packed.bytes
    if let decoded {
      try raw.withUnsafeBytes { bytes in
        Result { () throws(CodecError) in
          try Self.unpack(bytes, tokens: tokens, width: width, into: decoded)
        }
      }.get()
    }
    let payload = try raw.withUnsafeBytes { bytes in
      Result { () throws(CodecError) in try ZstdFrame.compress(bytes) }
    }.get()
    return EncodedStates(payload: payload, rawByteCount: raw.count)
  }

  public func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    // Every value may be an outlier.
    let most = tokens * (2 + Self.scaleBytes(width) + (width + 1) / 2 + 8 * width)
    let raw = try ZstdFrame.decompress(payload, atMost: most)
    try raw.withUnsafeBytes { bytes in
      Result { () throws(CodecError) in
        try Self.unpack(bytes, tokens: tokens, width: width, into: states)
      }
    }.get()
  }

  public func roundTrip(
    _ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) {
    try requireFinite(states, tokens: tokens, width: width)
    for token in 0..<tokens {
      var packed = PackedNibbles()
      let row = states + token * width
      Self.pack(row, width: width, into: &packed)
      try packed.bytes.withUnsafeBytes { bytes in
        Result { () throws(CodecError) in
          try Self.unpack(bytes, tokens: 1, width: width, into: row)
        }
      }.get()
    }
  }

  private static func scaleBytes(_ width: Int) -> Int { 2 * ((width + group - 1) / group) }

  private static func pack(
    _ row: UnsafePointer<Float>, width: Int, into packed: inout PackedNibbles
  ) {
    var rest = Array(UnsafeBufferPointer(start: row, count: width))
    let outliers = takeOutliers(&rest)
    packed.counts.append(UInt16(outliers.count))
    for channel in outliers { packed.addOutlier(channel, row[channel]) }
    var nibble: UInt8 = 0
    for start in stride(from: 0, to: width, by: group) {
      let range = start..<min(start + group, width)
      let scale = roundedToBFloat16(rest[range].reduce(0) { max($0, abs($1)) } / 7)
      packed.scales.append(UInt16(truncatingIfNeeded: scale.bitPattern >> 16))
      let divisor = scale > 0 ? scale : .infinity
      for channel in range {
        let quotient = min(max(rest[channel] / divisor, -7), 7)
        let code = UInt8(truncatingIfNeeded: (quotient + rounder).bitPattern &+ 8) & 15
        if channel % 2 == 0 {
          nibble = code
        } else {
          packed.codes.append(nibble | code << 4)
        }
      }
    }
    if width % 2 == 1 { packed.codes.append(nibble | 8 << 4) }
  }

  /// Zeroes the outliers of a token; returns their channels, ascending.
  private static func takeOutliers(_ row: inout [Float]) -> [Int] {
    var channels: [Int] = []
    for _ in 0..<rounds {
      var squares = 0.0
      for value in row { squares += Double(value) * Double(value) }
      let rest = row.count - channels.count
      let limit = outlierFactor * (squares / Double(max(rest, 1))).squareRoot()
      let found = row.indices.filter { Double(abs(row[$0])) > limit }
      if found.isEmpty || channels.count + found.count > Int(UInt16.max) { break }
      for channel in found { row[channel] = 0 }
      channels += found
    }
    return channels.sorted()
  }

  /// To nearest, ties away from zero; never to infinity.
  private static func roundedToBFloat16(_ value: Float) -> Float {
    let rounded = Float(bitPattern: (value.bitPattern &+ 0x8000) & 0xFFFF_0000)
    return rounded.isFinite ? rounded : Float(bitPattern: value.bitPattern & 0xFFFF_0000)
  }

  private static func unpack(
    _ raw: UnsafeRawBufferPointer, tokens: Int, width: Int, into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    func number<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) -> Number {
      Number(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: type))
    }
    let perToken = scaleBytes(width) + (width + 1) / 2
    guard raw.count >= tokens * (2 + perToken) else {
      throw .badPayload("\(raw.count) bytes are too few for \(tokens) tokens")
    }
    let counts = (0..<tokens).map { Int(number(2 * $0, UInt16.self)) }
    let outliers = counts.reduce(0, +)
    guard raw.count == tokens * (2 + perToken) + 8 * outliers else {
      throw .badPayload("\(raw.count) bytes don't fit \(tokens) tokens with \(outliers) outliers")
    }
    var outlier = 2 * tokens
    let scales = outlier + 8 * outliers
    let codes = scales + tokens * scaleBytes(width)
    for token in 0..<tokens {
      let row = states + token * width
      for channel in 0..<width {
        let byte = raw[codes + token * ((width + 1) / 2) + channel / 2]
        let code = Int(channel % 2 == 0 ? byte & 15 : byte >> 4)
        let bits = number(scales + token * scaleBytes(width) + 2 * (channel / group), UInt16.self)
        row[channel] = Float(code - 8) * Float(bitPattern: UInt32(bits) << 16)
      }
      var before = -1
      for _ in 0..<counts[token] {
        let channel = Int(number(outlier, UInt32.self))
        guard channel > before, channel < width else {
          throw .badPayload("token \(token) has an outlier in channel \(channel)")
        }
        row[channel] = Float(bitPattern: number(outlier + 4, UInt32.self))
        before = channel
        outlier += 8
      }
    }
    try requireFinite(states, tokens: tokens, width: width)
  }
}

/// The parts of a record of four-bit codes, before they are put together.
private struct PackedNibbles {
  var counts: [UInt16] = []
  private var outliers: [UInt8] = []
  var scales: [UInt16] = []
  var codes: [UInt8] = []

  mutating func addOutlier(_ channel: Int, _ value: Float) {
    withUnsafeBytes(of: UInt32(channel).littleEndian) { outliers += $0 }
    withUnsafeBytes(of: value.bitPattern.littleEndian) { outliers += $0 }
  }

  var bytes: [UInt8] {
    func littleEndian(_ values: [UInt16]) -> [UInt8] {
      values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }
    return littleEndian(counts) + outliers + littleEndian(scales) + codes
  }
}
