/// A pre-tokenizer that a `tokenizer.json` writes as a `Split` at an expression, then `ByteLevel`
/// without one.
protocol ExpressionPreTokenizer: FixedPreTokenizer {
  /// The expression as `tokenizer.json` writes it.
  static var expression: String { get }
}

extension ExpressionPreTokenizer {
  static var steps: [String] { ["Split", "ByteLevel"] }

  static var json: String {
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("Regex", expression)
    writer.close("}")
    let split =
      #"{"type":"Split","pattern":\#(String(decoding: writer.bytes, as: UTF8.self)),"behavior":"Isolated","invert":false}"#
    return
      #"{"type":"Sequence","pretokenizers":[\#(split),{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}"#
  }

  static func accepts(_ steps: [TokenizerStep]) throws(TokenizerError) -> Bool {
    let splits = try steps[1].splitsWords()
    let split = steps[0].fields
    let pattern = try split.reader("pattern")?.string("Regex") ?? ""
    let behavior = try split.string("behavior")
    let isInverted = try split.bool("invert") ?? false
    return pattern.utf8.elementsEqual(expression.utf8) && behavior == "Isolated" && !isInverted
      && !splits
  }
}
