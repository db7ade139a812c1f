/// GPT-2's alphabet, in which byte-level vocabularies spell bytes: printable Latin-1 characters
/// stand for themselves and the other 68 bytes for U+0100 and on, in order.
enum ByteAlphabet {
  /// Every byte's letter.
  static let letters: [Unicode.Scalar] = {
    var next: UInt8 = 0
    return (0...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(UInt16(0x100) + UInt16(next)) ?? "\u{100}"
      }
    }
  }()

  /// The letters as UTF-8, one or two bytes each.
  static let spellings: [[UInt8]] = letters.map { Array(String($0).utf8) }

  private static let bytes: [UInt8?] = {
    var bytes = [UInt8?](repeating: nil, count: 0x144)
    for (byte, letter) in letters.enumerated() { bytes[Int(letter.value)] = UInt8(byte) }
    return bytes
  }()

  /// The bytes that `spelling` stands for. A spelling with a character outside the alphabet is
  /// no byte-level token and stands for itself.
  static func bytes(of spelling: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(spelling.count)
    for scalar in String(decoding: spelling, as: UTF8.self).unicodeScalars {
      guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else { return spelling }
      result.append(byte)
    }
    return result
  }

  /// `bytes` as the vocabulary spells them.
  static func spelling(of bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { spellings[Int($0)] }
  }
}
