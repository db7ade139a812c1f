// swift-format-ignore-file: AlwaysUseLowerCamelCase
// Types keep the names that ggml gives them.

/// ggml's K-quants: super-blocks of 256 elements with one half-precision scale `d` (and one for the
/// minima, `dmin`), cut into sub-blocks with small integer scales of their own.
///
/// Elements are laid out so that one load of 32 bytes serves several sub-blocks: the bits of
/// element l of sub-block s sit at a shift that depends on s in byte l of the same 32.

/// x = d s q - dmin m, 2-bit q, sub-blocks of 16 with 4-bit s and m:
/// 16 bytes (s low nibble, m high), 64 bytes of q, d, dmin.
func dequantizeQ2_K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 84
    let y = out + block &* 256
    let d = half(base, 80)
    let dmin = half(base, 82)
    for sub in 0..<16 {
      let scales = base.load(fromByteOffset: sub, as: UInt8.self)
      let scale = d * Float(scales & 15)
      let minimum = dmin * Float(scales >> 4)
      let shift = UInt8(truncatingIfNeeded: (sub >> 1 & 3) &* 2)
      let quants = base + (16 &+ (sub >> 3) &* 32 &+ (sub & 1) &* 16)
      let target = y + sub &* 16
      for l in 0..<16 {
        let q = quants.load(fromByteOffset: l, as: UInt8.self) &>> shift & 3
        target[l] = scale * Float(Int32(q)) - minimum
      }
    }
  }
}

/// x = d (s - 32) q, 3-bit signed q, sub-blocks of 16 with 6-bit s:
/// 32 bytes of high bits (set means no offset of -4), 64 bytes of low bits, 12 of scales, d.
func dequantizeQ3_K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 110
    let y = out + block &* 256
    let d = half(base, 108)
    for sub in 0..<16 {
      let low =
        base.load(fromByteOffset: 96 &+ (sub & 7), as: UInt8.self)
        &>> UInt8(truncatingIfNeeded: (sub >> 3) &* 4) & 15
      let high =
        base.load(fromByteOffset: 104 &+ (sub & 3), as: UInt8.self)
        &>> UInt8(truncatingIfNeeded: (sub >> 2) &* 2) & 3
      let scale = d * Float(Int32(low | high << 4) &- 32)
      let shift = UInt8(truncatingIfNeeded: (sub >> 1 & 3) &* 2)
      let highShift = UInt8(truncatingIfNeeded: sub >> 1)
      let quants = base + (32 &+ (sub >> 3) &* 32 &+ (sub & 1) &* 16)
      let highs = base + (sub & 1) &* 16
      let target = y + sub &* 16
      for l in 0..<16 {
        let bits = Int32(quants.load(fromByteOffset: l, as: UInt8.self) &>> shift & 3)
        let offset = Int32(highs.load(fromByteOffset: l, as: UInt8.self) &>> highShift & 1 ^ 1) << 2
        target[l] = scale * Float(bits &- offset)
      }
    }
  }
}

/// x = d s q - dmin m, 4-bit q, sub-blocks of 32 with 6-bit s and m:
/// d, dmin, 12 bytes of s and m, 128 bytes of nibbles.
func dequantizeQ4_K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 144
    let y = out + block &* 256
    let d = half(base, 0)
    let dmin = half(base, 2)
    for sub in 0..<8 {
      let (s, m) = scaleAndMinimum(base + 4, sub)
      let scale = d * Float(Int32(s))
      let minimum = dmin * Float(Int32(m))
      let shift = UInt8(truncatingIfNeeded: (sub & 1) &* 4)
      let quants = base + (16 &+ (sub >> 1) &* 32)
      let target = y + sub &* 32
      for l in 0..<32 {
        let q = quants.load(fromByteOffset: l, as: UInt8.self) &>> shift & 15
        target[l] = scale * Float(Int32(q)) - minimum
      }
    }
  }
}

/// As Q4_K with a fifth bit: d, dmin, 12 bytes of s and m, 32 bytes of fifth bits (bit s of byte l
/// for sub-block s), 128 bytes of nibbles.
func dequantizeQ5_K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 176
    let y = out + block &* 256
    let d = half(base, 0)
    let dmin = half(base, 2)
    for sub in 0..<8 {
      let (s, m) = scaleAndMinimum(base + 4, sub)
      let scale = d * Float(Int32(s))
      let minimum = dmin * Float(Int32(m))
      let shift = UInt8(truncatingIfNeeded: (sub & 1) &* 4)
      let fifthShift = UInt8(truncatingIfNeeded: sub)
      let quants = base + (48 &+ (sub >> 1) &* 32)
      let fifths = base + 16
      let target = y + sub &* 32
      for l in 0..<32 {
        let low = quants.load(fromByteOffset: l, as: UInt8.self) &>> shift & 15
        let fifth = fifths.load(fromByteOffset: l, as: UInt8.self) &>> fifthShift & 1
        target[l] = scale * Float(Int32(low | fifth << 4)) - minimum
      }
    }
  }
}

/// x = d s (q - 32), 6-bit q, sub-blocks of 16 with signed 8-bit s:
/// 128 bytes of low nibbles, 64 bytes of high bits, 16 bytes of s, d.
func dequantizeQ6_K(_ source: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>, _ blocks: Int) {
  for block in 0..<blocks {
    let base = source + block &* 210
    let y = out + block &* 256
    let d = half(base, 208)
    for sub in 0..<16 {
      let scale = d * Float(Int32(base.load(fromByteOffset: 192 &+ sub, as: Int8.self)))
      let (part, quarter, side) = (sub >> 3, sub >> 1 & 3, sub & 1)
      let lowShift = UInt8(truncatingIfNeeded: (quarter >> 1) &* 4)
      let highShift = UInt8(truncatingIfNeeded: quarter &* 2)
      let lows = base + (part &* 64 &+ (quarter & 1) &* 32 &+ side &* 16)
      let highs = base + (128 &+ part &* 32 &+ side &* 16)
      let target = y + sub &* 16
      for l in 0..<16 {
        let low = lows.load(fromByteOffset: l, as: UInt8.self) &>> lowShift & 15
        let high = highs.load(fromByteOffset: l, as: UInt8.self) &>> highShift & 3
        target[l] = scale * Float(Int32(low | high << 4) &- 32)
      }
    }
  }
}

/// The 6-bit scale and minimum of sub-block `sub`, out of the 12 bytes that Q4_K and Q5_K pack
/// eight of each into: 0 to 3 in the low six bits of bytes 0 to 3 and 4 to 7; 4 to 7 with their low
/// nibbles in bytes 8 to 11 and their top two bits above the others'.
@inline(__always)
func scaleAndMinimum(_ packed: UnsafeRawPointer, _ sub: Int) -> (s: UInt8, m: UInt8) {
  let j = sub & 3
  let a = packed.load(fromByteOffset: j, as: UInt8.self)
  let b = packed.load(fromByteOffset: j &+ 4, as: UInt8.self)
  if sub < 4 { return (a & 63, b & 63) }
  let c = packed.load(fromByteOffset: j &+ 8, as: UInt8.self)
  return (c & 15 | (a >> 2) & 48, c >> 4 | (b >> 2) & 48)
}
