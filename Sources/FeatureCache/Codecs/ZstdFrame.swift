import CZstd

/// One zstd frame that knows the size of its content.
enum ZstdFrame {
  /// Higher levels gained under 1% on quantised states, which have no repeated strings, and cost
  /// several times more.
  static let level: CInt = 3

  static func compress(
    _ content: UnsafeRawBufferPointer, level: CInt = level
  ) throws(CodecError) -> [UInt8] {
    var failure = 0
    let frame = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(content.count)) {
      buffer, count in
      let written = ZSTD_compress(
        buffer.baseAddress, buffer.count, content.baseAddress, content.count, level)
      if ZSTD_isError(written) != 0 {
        failure = written
      } else {
        count = written
      }
    }
    guard failure == 0 else {
      throw .badPayload("zstd: \(String(cString: ZSTD_getErrorName(failure)))")
    }
    return frame
  }

  /// The content of a frame that says how large it is, unless that is more than `limit` bytes.
  static func decompress(
    _ frame: UnsafeRawBufferPointer, atMost limit: Int
  ) throws(CodecError) -> [UInt8] {
    let declared = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    // Unknown sizes and errors are the largest numbers.
    guard declared <= UInt64(limit) else {
      throw .badPayload("its content is not declared as at most \(limit) bytes")
    }
    var content = [UInt8](repeating: 0, count: Int(declared))
    try content.withUnsafeMutableBytes { room in
      Result { () throws(CodecError) in try decompress(frame, into: room) }
    }.get()
    return content
  }

  /// Fills `content` exactly. The frame says how large its content is, and a frame that says
  /// anything but `content.count` is refused before it is expanded; expansion is bounded by the
  /// buffer in any case.
  static func decompress(
    _ frame: UnsafeRawBufferPointer, into content: UnsafeMutableRawBufferPointer
  ) throws(CodecError) {
    let declared = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    guard declared == UInt64(content.count) else {
      throw .badPayload("its content is not declared as \(content.count) bytes")
    }
    guard ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count) == frame.count else {
      throw .badPayload("\(frame.count) bytes are not one whole zstd frame")
    }
    let written = ZSTD_decompress(
      content.baseAddress, content.count, frame.baseAddress, frame.count)
    guard ZSTD_isError(written) == 0 else {
      throw .badPayload("zstd: \(String(cString: ZSTD_getErrorName(written)))")
    }
    guard written == content.count else {
      throw .badPayload("its content has \(written) bytes instead of \(content.count)")
    }
  }
}
