import ModelFiles

extension WordPieceKind {
  /// What llama.cpp writes before tokens that begin a word, U+2581: its vocabularies mark those,
  /// where BERT's mark the others with a prefix.
  private static let space = Array("\u{2581}".utf8)
  private static let prefix = Array("##".utf8)

  /// GGUF stores neither the normaliser nor how long a word may be; both are BERT's usual ones,
  /// so that both files of a model give the same ids. A vocabulary with capitals was made without
  /// lower case. (llama.cpp writes everything in lower case.)
  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts {
    let tokens = try GGUFTokens(gguf, kind: name)
    let listed = tokens.listed(Self.spelling)
    let addedIDs = Set(tokens.added.map { Int64($0.id) })
    let lowercases = !listed.contains { spelling, id in
      !addedIDs.contains(id) && !Self.isMarkup(spelling)
        && spelling.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }
    let unknown = try unknownID(gguf, listed)
    var parts = TokenizerParts(
      kind: self, file: gguf.file,
      section: WordPieceSection(
        listed: listed,
        settings: WordPieceModel.Settings(
          unknownID: unknown, prefix: Self.prefix, maximumCharacters: 100)),
      preTokenizer: BertPreTokenizer(),
      normalizer: BertNormalizer(
        cleansText: true, partsIdeographs: true, stripsAccents: lowercases, lowercases: lowercases),
      decoder: usualDecoder, addedTokens: tokens.added)
    parts.frame = TextFrame(
      beginID: try framing(
        "add_bos_token", ["cls_token_id", "bos_token_id"], "[CLS]", &parts, gguf),
      // llama.cpp spells the key so.
      closingID: try framing(
        "add_eos_token", ["seperator_token_id", "eos_token_id"], "[SEP]", &parts, gguf))
    return parts
  }

  /// A token as BERT spells it.
  private static func spelling(_ token: [UInt8]) -> [UInt8] {
    if token.starts(with: space) { return Array(token.dropFirst(space.count)) }
    return isMarkup(token) ? token : prefix + token
  }

  /// Whether a token is one in brackets, which llama.cpp leaves as it is.
  private static func isMarkup(_ token: [UInt8]) -> Bool {
    token.first == UInt8(ascii: "[") && token.last == UInt8(ascii: "]")
  }

  private func unknownID(
    _ gguf: GGUFFields, _ listed: [(spelling: [UInt8], id: Int64)]
  ) throws(TokenizerError) -> Int32 {
    let key = "tokenizer.ggml.unknown_token_id"
    let spelling = Array("[UNK]".utf8)
    guard
      let number = try gguf.integer(key) ?? listed.first(where: { $0.spelling == spelling })?.id
    else { throw .missing(file: gguf.file, item: key) }
    return try FieldReader.tokenID(number, file: gguf.file, item: key)
  }

  /// The token that goes before or after a text: what the first of `keys` says that is there, or
  /// the one spelled `usual`; none where `flag` is false.
  private func framing(
    _ flag: String, _ keys: [String], _ usual: String, _ parts: inout TokenizerParts,
    _ gguf: GGUFFields
  ) throws(TokenizerError) -> Int32? {
    if try gguf.bool("tokenizer.ggml." + flag) == false { return nil }
    for key in keys {
      if let id = try parts.special("tokenizer.ggml." + key, in: gguf) { return id }
    }
    return try parts.specialID(
      Array(usual.utf8), file: gguf.file, item: "tokenizer.ggml." + keys[0])
  }
}
