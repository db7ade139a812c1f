/// A codec that lays the states out in a fixed number of bytes and leaves the rest to zstd.
protocol PackedCodec: StateCodec {
  /// Bytes of `[tokens, width]` before compression.
  func rawByteCount(tokens: Int, width: Int) -> Int

  /// Fills `raw`; the states are finite.
  func pack(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, into raw: UnsafeMutableRawBufferPointer
  ) throws(CodecError)

  /// Fills the states; `raw` has the right size, and nothing more is known of it.
  func unpack(
    _ raw: UnsafeRawBufferPointer, tokens: Int, width: Int, into states: UnsafeMutablePointer<Float>
  ) throws(CodecError)
}

extension PackedCodec {
  public func encode(
    _ states: UnsafePointer<Float>, tokens: Int, width: Int, decoded: UnsafeMutablePointer<Float>?
  ) throws(CodecError) -> EncodedStates {
    let raw = ByteBuffer(count: rawByteCount(tokens: tokens, width: width))
    try requireFinite(states, tokens: tokens, width: width)
    try pack(states, tokens: tokens, width: width, into: raw.bytes)
    if let decoded {
      try unpack(UnsafeRawBufferPointer(raw.bytes), tokens: tokens, width: width, into: decoded)
    }
    let payload = try ZstdFrame.compress(UnsafeRawBufferPointer(raw.bytes))
    return EncodedStates(payload: payload, rawByteCount: raw.bytes.count)
  }

  public func decode(
    _ payload: UnsafeRawBufferPointer, tokens: Int, width: Int,
    into states: UnsafeMutablePointer<Float>
  ) throws(CodecError) {
    let raw = ByteBuffer(count: rawByteCount(tokens: tokens, width: width))
    try ZstdFrame.decompress(payload, into: raw.bytes)
    try unpack(UnsafeRawBufferPointer(raw.bytes), tokens: tokens, width: width, into: states)
  }

  public func roundTrip(
    _ states: UnsafeMutablePointer<Float>, tokens: Int, width: Int
  ) throws(CodecError) {
    let raw = ByteBuffer(count: rawByteCount(tokens: tokens, width: width))
    try requireFinite(states, tokens: tokens, width: width)
    try pack(states, tokens: tokens, width: width, into: raw.bytes)
    try unpack(UnsafeRawBufferPointer(raw.bytes), tokens: tokens, width: width, into: states)
  }
}

/// Scratch memory with one owner.
private struct ByteBuffer: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) {
    bytes = .allocate(byteCount: count, alignment: 64)
  }

  deinit {
    bytes.deallocate()
  }
}
