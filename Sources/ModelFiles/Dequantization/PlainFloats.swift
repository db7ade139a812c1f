/// float32, float16 and bfloat16 to float32: exact for every finite value and infinity. A NaN stays
/// a NaN.

func copyFloats(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
  UnsafeMutableRawPointer(out).copyMemory(
    from: source, byteCount: count * MemoryLayout<Float>.stride)
}

func widenHalves(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
  for i in 0..<count { out[i] = half(source, i &* 2) }
}

func widenBrainFloats(
  _ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ count: Int
) {
  for i in 0..<count {
    let bits = source.loadUnaligned(fromByteOffset: i &* 2, as: UInt16.self)
    out[i] = Float(bitPattern: UInt32(bits) << 16)
  }
}

/// The half-precision float at `offset`, widened without a branch and without F16C, so that loops
/// over it vectorise on the baseline x86-64 too.
///
/// With the sign shifted out, the fraction and exponent of a normal half land in a float's place
/// after adding the difference of the exponent biases (112) in two steps: 224 as an integer, then
/// 2^-112 as a factor, which carries the all-ones exponent to infinity. A subnormal half is
/// 2^-24 times its fraction: its fraction is set under the exponent of 0.5, and 0.5 taken away.
@inline(__always)
func half(_ source: UnsafeRawPointer, _ offset: Int) -> Float {
  let word = UInt32(source.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) << 16
  let sign = word & 0x8000_0000
  let magnitude = word &+ word
  let normal = Float(bitPattern: (magnitude >> 4) &+ 0xE0 << 23) * 0x1p-112
  let subnormal = Float(bitPattern: magnitude >> 17 | 126 << 23) - 0.5
  let value = magnitude < 1 << 27 ? subnormal.bitPattern : normal.bitPattern
  return Float(bitPattern: sign | value)
}
