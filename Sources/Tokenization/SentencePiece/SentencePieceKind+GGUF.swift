import ModelFiles

extension SentencePieceKind {
  /// GGUF stores tokens with scores, which order the merges, and whether a space goes before the
  /// text. llama.cpp puts one after every token that is given as such, too, as the `tokenizer.json`
  /// of these models does.
  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts {
    try gguf.refuse(
      "tokenizer.ggml.add_eos_token", advice: "use a tokenizer that adds nothing after the text")
    let tokens = try GGUFTokens(gguf, kind: name, hasBytes: true)
    let scores = try PieceScores(gguf, count: tokens.spellings.count)
    let addsSpace = try gguf.bool("tokenizer.ggml.add_space_prefix") ?? true
    let unknown = try unknownID(gguf, tokens)
    let kept = tokens.withoutPadding(unknown: unknown)
    var parts = TokenizerParts(
      kind: self, file: gguf.file,
      section: SentencePieceSection(
        listed: kept, order: .scores(scores.values),
        settings: SentencePieceModel.Settings(
          unknownID: unknown, fallsBack: !tokens.bytes.isEmpty, fusesUnknown: true)),
      preTokenizer: WholeText(), normalizer: TextRewriting(marksSpaces: true, addsSpace: addsSpace),
      decoder: SentencePieceDecoder(stripsSpace: addsSpace), addedTokens: tokens.added)
    if let unknown { _ = try parts.special(unknown, item: "unknown_token_id", in: gguf) }
    if try Self.stripsRight(gguf) { parts.stripRight() }
    parts.endOfTextID = try parts.special("tokenizer.ggml.eos_token_id", in: gguf)
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
      if let id = try parts.special(key, in: gguf) { parts.endIDs.insert(id) }
    }
    if try gguf.bool("tokenizer.ggml.add_bos_token") ?? true {
      parts.frame.beginID = try parts.special("tokenizer.ggml.bos_token_id", in: gguf)
    }
    return parts
  }

  private func unknownID(
    _ gguf: GGUFFields, _ tokens: GGUFTokens
  ) throws(TokenizerError) -> Int32? {
    let key = "tokenizer.ggml.unknown_token_id"
    guard let number = try gguf.integer(key) else { return nil }
    guard tokens.spellings.indices.contains(Int(truncatingIfNeeded: number)), number >= 0 else {
      throw .malformed(
        file: gguf.file, item: key, expected: "an id below \(tokens.spellings.count)",
        found: String(number))
    }
    return try FieldReader.tokenID(number, file: gguf.file, item: key)
  }

  /// GGUF has no place for it: Phi-3's special tokens take the white space to their right.
  private static func stripsRight(_ gguf: GGUFFields) throws(TokenizerError) -> Bool {
    let name = (try gguf.string("general.name") ?? "").lowercased()
    return name.contains("phi-3") || name.contains("phi3")
  }
}

extension TokenizerParts {
  fileprivate mutating func stripRight() {
    let kept = ["<unk>", "<s>", "<|endoftext|>"].map { Array($0.utf8) }
    addedTokens = addedTokens.map { kept.contains($0.content) ? $0 : $0.strippingRight }
  }
}

extension GGUFTokens {
  /// The tokens with their ids but for those at the end that old converters filled the vocabulary
  /// up with, as unknown ones.
  fileprivate func withoutPadding(unknown: Int32?) -> [(spelling: [UInt8], id: Int64)] {
    var listed = listed { $0 }
    let known = Set(added.map { Int64($0.id) })
    while let (spelling, id) = listed.last, spelling.elementsEqual("[PAD\(id)]".utf8),
      !known.contains(id), unknown.map(Int64.init) != id
    {
      listed.removeLast()
    }
    return listed
  }
}

/// The scores of a GGUF file's tokens, by id.
struct PieceScores {
  let values: [Float]

  /// Refuses scores that are fewer than `count`, or are no numbers.
  init(_ gguf: GGUFFields, count: Int) throws(TokenizerError) {
    let key = "tokenizer.ggml.scores"
    values = try gguf.floats(key)
    guard values.count >= count else {
      throw .malformed(
        file: gguf.file, item: key, expected: "\(count) scores, one a token",
        found: String(values.count))
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .malformed(
        file: gguf.file, item: "\(key)[\(index)]", expected: "a number",
        found: String(values[index]))
    }
  }
}
