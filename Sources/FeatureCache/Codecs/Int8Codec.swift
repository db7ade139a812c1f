/// One signed byte a value and one float32 scale a token: `scale = max|x| / 127`, `q = x / scale`
/// rounded to nearest even, decoded as `q * scale`. A value is off by at most half a scale (and
/// float32's rounding of that product).
///
/// Raw layout: `tokens * width` bytes of q, then `tokens` scales as 4 little-endian bytes.
public struct Int8Codec: PackedCodec {
  public let name = "int8"

  public init() {}

  public func usualPayload(width: Int) -> Double { 0.7 * Double(width) + 4 }

  /// 1.5 * 2^23. Added to a float32 between -2^22 and 2^22, it leaves the nearest even integer in
  /// the sum's lowest bits, in two's complement: rounding and conversion in one vector instruction.
  private static let rounder: Float = 12_582_912

  func rawByteCount(tokens: Int, width: Int) -> Int {
    tokens * (width + 4)
  }

  func pack(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, into raw: UnsafeMutableRawBufferPointer
  ) throws(CodecError) {
    for token in 0..<tokens {
      let row = states + token * width
      var largest: Float = 0
      for channel in 0..<width {
        largest = max(largest, abs(row[channel]))
      }
      let scale = largest / 127
      guard (scale * 127).isFinite else {
        throw .outOfRange(
          token: token, channel: (0..<width).first { abs(row[$0]) == largest } ?? 0, value: largest,
          limit: .greatestFiniteMagnitude.nextDown)
      }
      raw.storeBytes(
        of: scale.bitPattern.littleEndian, toByteOffset: tokens * width + 4 * token, as: UInt32.self
      )
      // A row of zeros, or of values so small that their scale vanishes, decodes to zeros.
      let divisor = scale > 0 ? scale : .infinity
      for channel in 0..<width {
        // A scale without full precision (below 1e-38) can lift the quotient past 127.
        let quotient = min(max(row[channel] / divisor, -127), 127)
        raw[token * width + channel] = UInt8(
          truncatingIfNeeded: (quotient + Self.rounder).bitPattern)
      }
    }
  }

  func unpack(
    _ raw: UnsafeRawBufferPointer, tokens: Int, width: Int, into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    for token in 0..<tokens {
      let offset = tokens * width + 4 * token
      let scale = Float(
        bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      )
      guard scale >= 0, (scale * 127).isFinite else {
        throw .badPayload("the scale of token \(token) is \(scale)")
      }
      let row = states + token * width
      for channel in 0..<width {
        let quantized = Int8(bitPattern: raw[token * width + channel])
        guard quantized != -128 else {
          throw .badPayload("token \(token), channel \(channel) is -128, which is never written")
        }
        row[channel] = Float(quantized) * scale
      }
    }
  }
}
