/// The states rounded to IEEE half precision, to nearest even: relative error at most 2^-11 between
/// 6e-5 and 65,504. The two bytes of a value lie apart, since the upper ones repeat and the lower
/// ones don't.
public struct Float16Codec: PackedCodec {
  public let name = "float16"

  public init() {}

  public func usualPayload(width: Int) -> Double { 1.8 * Double(width) }

  func rawByteCount(tokens: Int, width: Int) -> Int {
    2 * tokens * width
  }

  func pack(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, into raw: UnsafeMutableRawBufferPointer
  ) throws(CodecError) {
    let count = tokens * width
    for index in 0..<count {
      let half = Float16(states[index])
      guard half.isFinite else {
        throw .outOfRange(
          token: index / width, channel: index % width, value: states[index],
          limit: Float(Float16.greatestFiniteMagnitude))
      }
      raw[index] = UInt8(truncatingIfNeeded: half.bitPattern)
      raw[count + index] = UInt8(truncatingIfNeeded: half.bitPattern >> 8)
    }
  }

  func unpack(
    _ raw: UnsafeRawBufferPointer, tokens: Int, width: Int, into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    let count = tokens * width
    for index in 0..<count {
      states[index] = Float(
        Float16(bitPattern: UInt16(raw[index]) | UInt16(raw[count + index]) << 8))
    }
    try requireFinite(states, tokens: tokens, width: width)
  }
}
