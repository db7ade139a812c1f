/// The whole text is one word, as in SentencePiece.
struct WholeText: FixedPreTokenizer {
  static let name = "whole"
  static let steps: [String] = []
  static let json = "null"

  static func accepts(_ steps: [TokenizerStep]) -> Bool { true }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    if !text.isEmpty { body(0..<text.count) }
  }
}

/// A cut after spaces, in a text whose spaces are written as marks already: the whole text is one
/// word, as in Gemma.
struct MarkedSpaces: FixedPreTokenizer {
  static let name = "spaces"
  static let steps = ["Split"]
  static let json =
    #"{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}"#

  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool {
    let split = steps[0].fields
    let pattern = try split.reader("pattern")?.string("String")
    let behavior = try split.string("behavior")
    let isInverted = try split.bool("invert") ?? false
    return pattern == " " && behavior == "MergedWithPrevious" && !isInverted
  }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    var start = 0
    for position in text.indices where text[position] == UInt8(ascii: " ") {
      body(start..<(position + 1))
      start = position + 1
    }
    if start < text.count { body(start..<text.count) }
  }
}
