/// BERT's words: what white space parts, and every punctuation mark by itself. White space is in
/// no word.
struct BertPreTokenizer: FixedPreTokenizer {
  static let name = "bert"
  static let steps = ["BertPreTokenizer"]
  static let json = #"""
    {"type":"BertPreTokenizer"}
    """#

  static func accepts(_ steps: [TokenizerStep]) -> Bool { true }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    let classes = BertScalars()
    var start = 0
    var position = 0
    while position < text.count {
      let (scalar, length) = UTF8Text.scalar(in: text, at: position)
      let kind = classes[scalar]
      if kind.isDisjoint(with: [.space, .punctuation]) {
        position += length
        continue
      }
      if start < position { body(start..<position) }
      if kind.contains(.punctuation) { body(position..<(position + length)) }
      position += length
      start = position
    }
    if start < position { body(start..<position) }
  }
}
