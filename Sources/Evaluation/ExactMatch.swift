/// The one matcher of answers: white space around each is dropped, and every byte left must be equal.
public enum ExactMatch {
  public static func matches(_ answer: String, _ expected: String) -> Bool {
    trimmed(answer) == trimmed(expected)
  }

  /// UTF-8 bytes without ASCII white space at either end.
  private static func trimmed(_ text: String) -> ArraySlice<UInt8> {
    let bytes = Array(text.utf8)
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
      let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return bytes[first...last]
  }
}
