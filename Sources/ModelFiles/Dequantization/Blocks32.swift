// swift-format-ignore-file: AlwaysUseLowerCamelCase
// Types keep the names that ggml gives them.

/// ggml's blocks of 32 elements. `d` is the block's scale and `m` its minimum, half-precision; low
/// nibbles are elements 0 to 15, high nibbles 16 to 31.

/// x = d (q - 8): d, 16 bytes of nibbles.
func dequantizeQ4_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 18
    let y = out + block &* 32
    let d = half(base, 0)
    for i in 0..<16 {
      let q = Int32(base.load(fromByteOffset: 2 &+ i, as: UInt8.self))
      y[i] = Float(q & 15 &- 8) * d
      y[i &+ 16] = Float(q >> 4 &- 8) * d
    }
  }
}

/// x = d q + m: d, m, 16 bytes of nibbles.
func dequantizeQ4_1(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 20
    let y = out + block &* 32
    let d = half(base, 0)
    let m = half(base, 2)
    for i in 0..<16 {
      let q = Int32(base.load(fromByteOffset: 4 &+ i, as: UInt8.self))
      y[i] = Float(q & 15) * d + m
      y[i &+ 16] = Float(q >> 4) * d + m
    }
  }
}

/// x = d (q - 16): d, the 32 fifth bits, 16 bytes of nibbles.
func dequantizeQ5_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 22
    let y = out + block &* 32
    let d = half(base, 0)
    let fifths = base.loadUnaligned(fromByteOffset: 2, as: UInt32.self)
    for i in 0..<16 {
      let q = Int32(base.load(fromByteOffset: 6 &+ i, as: UInt8.self))
      let low = Int32(truncatingIfNeeded: fifths >> UInt32(truncatingIfNeeded: i) & 1) << 4
      let high = Int32(truncatingIfNeeded: fifths >> UInt32(truncatingIfNeeded: i &+ 16) & 1) << 4
      y[i] = Float((q & 15 | low) &- 16) * d
      y[i &+ 16] = Float((q >> 4 | high) &- 16) * d
    }
  }
}

/// x = d q + m: d, m, the 32 fifth bits, 16 bytes of nibbles.
func dequantizeQ5_1(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 24
    let y = out + block &* 32
    let d = half(base, 0)
    let m = half(base, 2)
    let fifths = base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    for i in 0..<16 {
      let q = Int32(base.load(fromByteOffset: 8 &+ i, as: UInt8.self))
      let low = Int32(truncatingIfNeeded: fifths >> UInt32(truncatingIfNeeded: i) & 1) << 4
      let high = Int32(truncatingIfNeeded: fifths >> UInt32(truncatingIfNeeded: i &+ 16) & 1) << 4
      y[i] = Float(q & 15 | low) * d + m
      y[i &+ 16] = Float(q >> 4 | high) * d + m
    }
  }
}

/// x = d q: d, 32 signed bytes.
func dequantizeQ8_0(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 34
    let y = out + block &* 32
    let d = half(base, 0)
    for i in 0..<32 {
      y[i] = Float(Int32(base.load(fromByteOffset: 2 &+ i, as: Int8.self))) * d
    }
  }
}
