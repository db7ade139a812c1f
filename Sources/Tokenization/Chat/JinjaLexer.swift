/// Cuts a Jinja template into text and tags, and tags into tokens. It knows just enough to tell
/// where strings and tags end.
struct JinjaLexer {
  enum Token: Equatable {
    /// A name, keyword or number.
    case word([UInt8])
    /// A string literal's value.
    case string([UInt8])
    case symbol(Unicode.Scalar)
  }

  struct Tag {
    enum Kind { case print, block, comment }
    let kind: Kind
    let tokens: [Token]
    /// `{%-` and `-%}`: white space before, or after, goes.
    let trimsLeft: Bool
    let trimsRight: Bool
  }

  private let bytes: [UInt8]
  private var position = 0

  init(_ template: [UInt8]) { bytes = template }

  var isAtEnd: Bool { position == bytes.count }

  /// The text up to the next tag or the end.
  mutating func text() -> ArraySlice<UInt8> {
    let start = position
    while position < bytes.count, opening == nil { position += 1 }
    return bytes[start..<position]
  }

  private var opening: Tag.Kind? {
    guard byte(0) == UInt8(ascii: "{") else { return nil }
    return switch byte(1) {
    case UInt8(ascii: "{"): .print
    case UInt8(ascii: "%"): .block
    case UInt8(ascii: "#"): .comment
    default: nil
    }
  }

  /// The tag that begins here; nil where none does, or where it does not end.
  mutating func tag() -> Tag? {
    guard let kind = opening else { return nil }
    position += 2
    let trimsLeft = consume(UInt8(ascii: "-"))
    let close: UInt8 =
      switch kind {
      case .print: UInt8(ascii: "}")
      case .block: UInt8(ascii: "%")
      case .comment: UInt8(ascii: "#")
      }
    var tokens: [Token] = []
    while position < bytes.count {
      let trimsRight = byte(0) == UInt8(ascii: "-")
      let offset = trimsRight ? 1 : 0
      if byte(offset) == close, byte(offset + 1) == UInt8(ascii: "}") {
        position += offset + 2
        return Tag(kind: kind, tokens: tokens, trimsLeft: trimsLeft, trimsRight: trimsRight)
      }
      if kind == .comment {
        position += 1
      } else if let token = token() {
        tokens.append(token)
      }
    }
    return nil
  }

  /// The next token of a tag, or nil after a step over white space.
  private mutating func token() -> Token? {
    let first = bytes[position]
    if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") { return .string(string()) }
    let start = position
    while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
    if position > start { return .word(Array(bytes[start..<position])) }
    position += 1
    let isSpace = first == 0x20 || (0x09...0x0D).contains(first)
    return isSpace ? nil : .symbol(Unicode.Scalar(first))
  }

  private mutating func string() -> [UInt8] {
    let quote = bytes[position]
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == quote { break }
      guard byte == UInt8(ascii: "\\"), position < bytes.count else {
        text.append(byte)
        continue
      }
      switch bytes[position] {
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(bytes[position])
      default: text += [byte, bytes[position]]
      }
      position += 1
    }
    return text
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private func byte(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func consume(_ expected: UInt8) -> Bool {
    guard byte(0) == expected else { return false }
    position += 1
    return true
  }
}
