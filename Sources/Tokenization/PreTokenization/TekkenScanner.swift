/// Tekken's words, which are those of Mistral Nemo and later.
struct TekkenPreTokenizer: ExpressionPreTokenizer {
  static let name = "tekken"
  static let expression =
    #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#
    + #"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#
    + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    TekkenScanner(scanner: ScalarScanner(text)).forEachWord(body)
  }
}

/// The words of Tekken: letters with an upper-case head, then a lower-case tail, where marks and
/// letters without case belong to either; digits one by one; the rest as in Qwen2, with `/` after
/// punctuation.
struct TekkenScanner {
  let scanner: ScalarScanner

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
    let first = scanner.class(at: start)
    let second = scanner.after(start)
    // The expression tries its first branch with and without the scalar before the letters, then
    // its second.
    let isBefore = first.isDisjoint(with: [.newline, .letter, .number])
    let heads = isBefore && second < end ? [second, start] : [start]
    for endOfLetters in [endWithTail, endOfHead] {
      for head in heads {
        if let found = endOfLetters(head, end) { return found }
      }
    }
    if first.contains(.number) { return second }
    let text = scanner.text
    let head = text[start] == UInt8(ascii: " ") && second < end ? second : start
    if scanner.class(at: head).isDisjoint(with: [.letter, .number, .space]) {
      let marks = scanner.end(of: head, to: end) {
        $0.isDisjoint(with: [.letter, .number, .space])
      }
      var position = marks
      while position < end,
        text[position] == UInt8(ascii: "/") || scanner.class(at: position).contains(.newline)
      {
        position += 1
      }
      return position
    }
    let run = scanner.end(of: start, to: end) { $0.contains(.space) }
    if let newline = text[start..<run].lastIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      return newline + 1
    }
    return scanner.endOfSpace(from: start, run: run, end: end)
  }

  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` from `start` on: nil where it
  /// does not match. The head gives back what the tail needs, no more.
  private func endWithTail(from start: Int, to end: Int) -> Int? {
    var position = start
    var caseless: Int?
    while position < end {
      let kind = scanner.class(at: position)
      guard kind.isHead else { break }
      let next = scanner.after(position)
      if kind.isTail { caseless = next }
      position = next
    }
    let tail = scanner.end(of: position, to: end) { $0.isTail }
    return tail > position ? tail : caseless
  }

  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, likewise.
  private func endOfHead(from start: Int, to end: Int) -> Int? {
    let head = scanner.end(of: start, to: end) { $0.isHead }
    return head > start ? scanner.end(of: head, to: end) { $0.isTail } : nil
  }
}

extension ScalarClass {
  /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
  fileprivate var isHead: Bool { contains(.mark) || contains(.letter) && !contains(.lowercase) }

  /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
  fileprivate var isTail: Bool { contains(.mark) || contains(.letter) && !contains(.uppercase) }
}
