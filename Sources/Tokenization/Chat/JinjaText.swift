/// What Jinja's filters and Python's methods do to the text of messages.
enum JinjaText {
  /// `text | trim`: without the white space at both ends, which for Python has four separators more
  /// than for Unicode.
  static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isSpace($0) }),
      let last = scalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(scalars[first...last])
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  /// Without the line feeds it begins and ends with.
  static func withoutLines(
    _ text: ArraySlice<UInt8>, atStart: Bool, atEnd: Bool
  ) -> ArraySlice<UInt8> {
    var text = text
    if atStart { text = text.drop { $0 == UInt8(ascii: "\n") } }
    while atEnd, text.last == UInt8(ascii: "\n") { text = text.dropLast() }
    return text
  }
}
