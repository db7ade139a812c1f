/// Reading scalars from bytes that are known to be well-formed UTF-8. Bytes that are not give
/// U+FFFD; nothing but an index outside the array traps.
enum UTF8Text {
  static func scalar(
    in text: [UInt8], at start: Int
  ) -> (scalar: Unicode.Scalar, length: Int) {
    let first = text[start]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard start + length <= text.count else { return ("\u{FFFD}", 1) }
    var value = UInt32(first) & (0x7F >> UInt32(length))
    for index in (start + 1)..<(start + length) { value = value << 6 | UInt32(text[index] & 0x3F) }
    guard let scalar = Unicode.Scalar(value) else { return ("\u{FFFD}", 1) }
    return (scalar, length)
  }

  /// The scalar that ends before `end`.
  static func scalar(
    in text: [UInt8], before end: Int
  ) -> (scalar: Unicode.Scalar, length: Int) {
    var start = end - 1
    while start > 0, end - start < 4, text[start] & 0xC0 == 0x80 { start -= 1 }
    return (scalar(in: text, at: start).scalar, end - start)
  }

  /// Where the white space that ends before `end` begins, not before `limit`.
  static func spaceStart(_ text: [UInt8], before end: Int, from limit: Int) -> Int {
    var start = end
    while start > limit {
      let (scalar, length) = scalar(in: text, before: start)
      guard scalar.properties.isWhitespace else { break }
      start -= length
    }
    return max(start, limit)
  }

  /// Where the white space that begins at `start` ends.
  static func spaceEnd(_ text: [UInt8], from start: Int) -> Int {
    var end = start
    while end < text.count {
      let (scalar, length) = scalar(in: text, at: end)
      guard scalar.properties.isWhitespace else { break }
      end += length
    }
    return end
  }

  /// `bytes`, with every ill-formed sequence replaced by U+FFFD.
  static func repaired(_ bytes: [UInt8]) -> [UInt8] {
    Array(String(decoding: bytes, as: UTF8.self).utf8)
  }

  /// Whether well-formed UTF-8 can contain `byte`.
  static func occurs(_ byte: UInt8) -> Bool { byte < 0xF5 && byte != 0xC0 && byte != 0xC1 }
}
