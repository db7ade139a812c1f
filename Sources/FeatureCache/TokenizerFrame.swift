import Foundation

/// A source's serialized tokenizer as its row has it: one zstd frame.
package enum TokenizerFrame {
  /// Bytes of a tokenizer, at most; the largest vocabularies in use come to about 20 MB.
  static let limit = 256_000_000

  /// 5% smaller than at level 3, in a tenth of a second; at level 19, 6% smaller still in six times as long.
  private static let level: CInt = 9

  package static func compress(_ tokenizer: [UInt8]) throws(CodecError) -> Data {
    try Data(
      tokenizer.withUnsafeBytes { content in
        Result { () throws(CodecError) in try ZstdFrame.compress(content, level: level) }
      }.get())
  }

  static func decompress(_ frame: Data) throws(CodecError) -> [UInt8] {
    try frame.withUnsafeBytes { frame in
      Result { () throws(CodecError) in try ZstdFrame.decompress(frame, atMost: limit) }
    }.get()
  }
}
