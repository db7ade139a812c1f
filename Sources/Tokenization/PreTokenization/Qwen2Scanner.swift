/// Qwen2's words: a `Split` at its expression, then `ByteLevel` without one.
struct Qwen2PreTokenizer: ExpressionPreTokenizer {
  static let name = "qwen2"
  static let expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
    + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    Qwen2Scanner(scanner: ScalarScanner(text)).forEachWord(body)
  }
}

/// The words of Qwen2:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*
///     |\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Llama 3's are the same but for numbers, `\p{N}{1,3}`.
struct Qwen2Scanner {
  let scanner: ScalarScanner
  /// How many digits of a number make one word, at the most.
  var longestNumber = 1

  func forEachWord(_ body: (Range<Int>) -> Void) {
    let end = scanner.text.count
    var start = 0
    while start < end {
      let next = endOfWord(from: start, to: end)
      body(start..<next)
      start = next
    }
  }

  private func endOfWord(from start: Int, to end: Int) -> Int {
    let text = scanner.text
    if text[start] == UInt8(ascii: "'"), let length = contraction(at: start, to: end) {
      return start + length
    }
    let first = scanner.class(at: start)
    let second = scanner.after(start)
    if first.contains(.letter) {
      return scanner.end(of: second, to: end) { $0.contains(.letter) }
    }
    if first.contains(.number) { return endOfNumber(from: second, to: end) }
    if !first.contains(.newline), second < end, scanner.class(at: second).contains(.letter) {
      return scanner.end(of: second, to: end) { $0.contains(.letter) }
    }
    let head = text[start] == UInt8(ascii: " ") && second < end ? second : start
    if scanner.class(at: head).isDisjoint(with: [.letter, .number, .space]) {
      let marks = scanner.end(of: head, to: end) {
        $0.isDisjoint(with: [.letter, .number, .space])
      }
      return scanner.end(of: marks, to: end) { $0.contains(.newline) }
    }
    let run = scanner.end(of: start, to: end) { $0.contains(.space) }
    if let newline = text[start..<run].lastIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      return newline + 1
    }
    return scanner.endOfSpace(from: start, run: run, end: end)
  }

  /// Where the number ends whose first digit ends at `start`.
  private func endOfNumber(from start: Int, to end: Int) -> Int {
    var position = start
    for _ in 1..<max(longestNumber, 1)
    where position < end && scanner.class(at: position).contains(.number) {
      position = scanner.after(position)
    }
    return position
  }

  /// Case is folded as Unicode does: U+017F, the long s, is an s too.
  private func contraction(at start: Int, to end: Int) -> Int? {
    let text = scanner.text
    guard start + 1 < end else { return nil }
    let first = text[start + 1] | 0x20
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    default: break
    }
    guard start + 2 < end else { return nil }
    if text[start + 1] == 0xC5, text[start + 2] == 0xBF { return 3 }
    switch (first, text[start + 2] | 0x20) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return 3
    default: return nil
    }
  }
}
