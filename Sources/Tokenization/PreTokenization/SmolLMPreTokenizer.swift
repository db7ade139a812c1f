/// Digits one by one, then GPT-2's words within what lies between them.
struct SmolLMPreTokenizer: FixedPreTokenizer {
  static let name = "smollm"
  static let steps = ["Digits", "ByteLevel"]
  static let json = #"""
    {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]}
    """#

  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool {
    let isSingle = try steps[0].fields.bool("individual_digits") ?? false
    return try steps[1].splitsWords() && isSingle
  }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    let scanner = ScalarScanner(text)
    let words = GPT2Scanner(scanner: scanner)
    var start = 0
    var position = 0
    while position < text.count {
      let (isDigit, next) = (
        scanner.class(at: position).contains(.digit), scanner.after(position)
      )
      if isDigit {
        words.forEachWord(in: start..<position, body)
        body(position..<next)
        start = next
      }
      position = next
    }
    words.forEachWord(in: start..<text.count, body)
  }
}
