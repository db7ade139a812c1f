/// Text out of tokens that come one by one, cut only between characters.
///
/// All that ``push(_:)`` and ``finish()`` return, joined, is the text of all ids at once: bytes
/// that may yet become a character are held back, and bytes that no longer can are U+FFFD.
public struct StreamingDetokenizer: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecial: Bool
  /// The beginning of a character, at most three bytes.
  private var pending: [UInt8] = []
  private var isFirst = true

  public init(_ tokenizer: Tokenizer, skipSpecial: Bool = false) {
    self.tokenizer = tokenizer
    skipsSpecial = skipSpecial
  }

  /// The whole characters that `id` completes; often one, sometimes none.
  public mutating func push(_ id: Int32) -> String {
    if skipsSpecial, tokenizer.isSpecial(id) { return "" }
    tokenizer.append(id, isFirst: &isFirst, to: &pending)
    let whole = pending.count - Self.unfinishedLength(at: pending)
    defer { pending.removeFirst(whole) }
    return String(decoding: pending[..<whole], as: UTF8.self)
  }

  /// What was held back, which nothing will complete any more: U+FFFD, or nothing.
  public mutating func finish() -> String {
    defer {
      pending.removeAll()
      isFirst = true
    }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end of `bytes` are the beginning of a well-formed character
  /// (Unicode 16, table 3-7) that is not complete.
  private static func unfinishedLength(at bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let tail = bytes.suffix(length)
      guard let first = tail.first else { return 0 }
      if first & 0xC0 == 0x80 { continue }
      let needed = first >= 0xF5 ? 0 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0
      guard length < needed else { return 0 }
      if let second = tail.dropFirst().first {
        let allowed: ClosedRange<UInt8> =
          switch first {
          case 0xE0: 0xA0...0xBF
          case 0xED: 0x80...0x9F
          case 0xF0: 0x90...0xBF
          case 0xF4: 0x80...0x8F
          default: 0x80...0xBF
          }
        guard allowed.contains(second) else { return 0 }
      }
      return length
    }
    return 0
  }
}
