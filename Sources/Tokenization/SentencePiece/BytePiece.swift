/// How a SentencePiece vocabulary spells the tokens that stand for one byte: `<0x0A>`.
enum BytePiece {
  /// The byte that `spelling` stands for; nil where it is no such token.
  static func byte(of spelling: [UInt8]) -> UInt8? {
    guard spelling.count == 6, spelling.starts(with: "<0x".utf8), spelling[5] == UInt8(ascii: ">"),
      spelling[3] != UInt8(ascii: "+")
    else { return nil }
    return UInt8(String(decoding: spelling[3..<5], as: UTF8.self), radix: 16)
  }

  /// The token of each byte among `spellings`, by id; nil where one is missing: then a character
  /// without a token is unknown as a whole.
  static func tokens(in spellings: [[UInt8]?]) -> [Int32]? {
    var tokens = [Int32](repeating: -1, count: 256)
    for (id, spelling) in spellings.enumerated() {
      guard let spelling, let byte = byte(of: spelling) else { continue }
      tokens[Int(byte)] = Int32(truncatingIfNeeded: id)
    }
    return tokens.contains(-1) ? nil : tokens
  }
}

/// What SentencePiece writes a space as, U+2581.
enum SpaceMark {
  static let bytes = Array("\u{2581}".utf8)

  /// `text` with every space written so.
  static func marked(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(UInt8(ascii: " ")) else { return text }
    var marked: [UInt8] = []
    marked.reserveCapacity(text.count + text.count / 2)
    for byte in text {
      if byte == UInt8(ascii: " ") { marked += bytes } else { marked.append(byte) }
    }
    return marked
  }

  /// Whether the mark stands at `position` of `text`.
  static func stands(in text: some RandomAccessCollection<UInt8>, at distance: Int) -> Bool {
    text.dropFirst(distance).prefix(bytes.count).elementsEqual(bytes)
  }
}
