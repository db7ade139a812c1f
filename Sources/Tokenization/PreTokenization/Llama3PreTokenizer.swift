/// Llama 3's words: Qwen2's, with up to three digits in one.
struct Llama3PreTokenizer: ExpressionPreTokenizer {
  static let name = "llama3"
  static let expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"#
    + #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    Qwen2Scanner(scanner: ScalarScanner(text), longestNumber: 3).forEachWord(body)
  }
}
