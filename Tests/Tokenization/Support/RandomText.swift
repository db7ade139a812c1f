import Foundation

/// Seeded texts that look for trouble: every plane, combining marks, unassigned scalars, NUL, lone
/// carriage returns, and the fragments that pre-tokenizers treat apart.
struct RandomText {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private static let fragments = [
    "'s", "'S", "'re", "'LL", "'\u{17F}", " ", "  ", "\n", "\r", "\r\n", "\t", "\0", "\u{85}",
    "\u{A0}",
    "\u{3000}", "\u{200B}", "\u{FEFF}", "the", " the", "123", " 1", "٣", "Ⅷ", "²", "!", "!!\n", "é",
    "e\u{301}", "\u{F73}", "\u{344}", "한", "\u{1112}\u{1161}\u{11AB}", "東京", "👍🏽", "👨‍👩‍👧",
    "<|endoftext|>",
    "<|im_start|>", "<tool_call>", "\u{301}", "\u{316}", "\u{10FFFF}", "\u{E000}", "\u{378}",
  ]

  mutating func next() -> String {
    var text = ""
    for _ in 0..<below(24) {
      switch below(3) {
      case 0: text += Self.fragments[below(Self.fragments.count)]
      case 1: append(below: 0x3000, to: &text)
      default: append(below: 0x110000, to: &text)
      }
    }
    return text
  }

  private mutating func append(below limit: Int, to text: inout String) {
    if let scalar = Unicode.Scalar(UInt32(below(limit))) { text.unicodeScalars.append(scalar) }
  }

  mutating func below(_ limit: Int) -> Int {
    // SplitMix64.
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ z >> 31) % UInt64(limit))
  }
}

/// Form C by another way than the module's: the whole text through Foundation, past its slip in
/// three Tibetan vowels, which the standard library's `==` shares.
func formC(_ text: String) -> [UInt8] {
  let expanded = text.unicodeScalars.map { scalar in
    ["\u{F73}": "\u{F71}\u{F72}", "\u{F75}": "\u{F71}\u{F74}", "\u{F81}": "\u{F71}\u{F80}"][scalar]
      ?? String(scalar)
  }
  return Array(expanded.joined().precomposedStringWithCanonicalMapping.utf8)
}
