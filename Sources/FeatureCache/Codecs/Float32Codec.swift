/// The states as they are. Bytes of equal significance lie together (all lowest bytes, then all
/// second, ...), since exponents repeat and mantissas don't.
public struct Float32Codec: PackedCodec {
  public let name = "float32"

  public init() {}

  public func usualPayload(width: Int) -> Double { 3.6 * Double(width) }

  func rawByteCount(tokens: Int, width: Int) -> Int {
    4 * tokens * width
  }

  func pack(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, into raw: UnsafeMutableRawBufferPointer
  ) {
    let count = tokens * width
    for index in 0..<count {
      let bits = states[index].bitPattern
      raw[index] = UInt8(truncatingIfNeeded: bits)
      raw[count + index] = UInt8(truncatingIfNeeded: bits >> 8)
      raw[2 * count + index] = UInt8(truncatingIfNeeded: bits >> 16)
      raw[3 * count + index] = UInt8(truncatingIfNeeded: bits >> 24)
    }
  }

  func unpack(
    _ raw: UnsafeRawBufferPointer, tokens: Int, width: Int, into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    let count = tokens * width
    for index in 0..<count {
      let low = UInt32(raw[index]) | UInt32(raw[count + index]) << 8
      let high = UInt32(raw[2 * count + index]) << 16 | UInt32(raw[3 * count + index]) << 24
      states[index] = Float(bitPattern: low | high)
    }
    try requireFinite(states, tokens: tokens, width: width)
  }
}
