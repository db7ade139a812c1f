/// GPT-2's words, which are those of a `ByteLevel` step.
struct GPT2PreTokenizer: FixedPreTokenizer {
  static let name = "gpt2"
  static let steps = ["ByteLevel"]
  static let json = #"""
    {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}
    """#

  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool {
    try steps[0].splitsWords()
  }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    GPT2Scanner(scanner: ScalarScanner(text)).forEachWord(in: 0..<text.count, body)
  }
}

/// The words of GPT-2:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
struct GPT2Scanner {
  let scanner: ScalarScanner

  func forEachWord(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = endOfWord(from: start, to: range.upperBound)
      body(start..<end)
      start = end
    }
  }

  private func endOfWord(from start: Int, to end: Int) -> Int {
    let text = scanner.text
    if text[start] == UInt8(ascii: "'"), let length = contraction(at: start, to: end) {
      return start + length
    }
    let isSpace = text[start] == UInt8(ascii: " ")
    let head = isSpace && start + 1 < end ? start + 1 : start
    let first = scanner.class(at: head)
    if first.contains(.letter) {
      return scanner.end(of: head, to: end) { $0.contains(.letter) }
    }
    if first.contains(.number) {
      return scanner.end(of: head, to: end) { $0.contains(.number) }
    }
    if !first.contains(.space) {
      return scanner.end(of: head, to: end) { $0.isDisjoint(with: [.letter, .number, .space]) }
    }
    let run = scanner.end(of: start, to: end) { $0.contains(.space) }
    return scanner.endOfSpace(from: start, run: run, end: end)
  }

  private func contraction(at start: Int, to end: Int) -> Int? {
    let text = scanner.text
    guard start + 1 < end else { return nil }
    let first = text[start + 1]
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    default: break
    }
    guard start + 2 < end else { return nil }
    switch (first, text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return 3
    default: return nil
    }
  }
}
