import ModelFiles

/// SentencePiece's unigram models: T5, XLM-RoBERTa and the encoders after them.
struct UnigramKind: TokenizerKind {
  let name = "unigram"
  let jsonType = "Unigram"
  let ggufModel = "t5"
  let format = "denju-tokenizer-unigram-1"

  let normalizers: [any Normalizer.Type] = [TextRewriting.self]
  let preTokenizers: [any PreTokenizer.Type] = [MetaspacePreTokenizer.self, WholeText.self]
  let postProcessors: [any PostProcessor] = [
    TemplateProcessing(closesTexts: true), BertProcessing(),
  ]
  let decoders: [any TokenDecoder.Type] = [MetaspaceDecoder.self, SentencePieceDecoder.self]
  let usualDecoder: any TokenDecoder = MetaspaceDecoder()

  let advice = RefusalAdvice(
    normalizer: "use a tokenizer whose normalizer is null, or Precompiled and what goes with it",
    preTokenizer: "use a tokenizer whose pre_tokenizer is Metaspace, after WhitespaceSplit or not",
    postProcessor: "use a tokenizer whose post_processor is null or TemplateProcessing",
    decoder: "use a tokenizer whose decoder is Metaspace")

  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection {
    try UnigramSection(model)
  }

  /// GGUF stores SentencePiece's own settings.
  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts {
    try gguf.refuse(
      "tokenizer.ggml.treat_whitespace_as_suffix",
      advice: "use a model that marks spaces before a word")
    let tokens = try GGUFTokens(gguf, kind: name, hasBytes: true)
    let scores = try PieceScores(gguf, count: tokens.spellings.count).values
    let addsSpace = try gguf.bool("tokenizer.ggml.add_space_prefix") ?? true
    let unknown = try gguf.integer("tokenizer.ggml.unknown_token_id") ?? 2
    var parts = TokenizerParts(
      kind: self, file: gguf.file,
      section: UnigramSection(
        listed: tokens.listed { $0 }, scores: scores.map(Double.init),
        settings: UnigramModel.Settings(
          unknownID: try FieldReader.tokenID(
            unknown, file: gguf.file, item: "tokenizer.ggml.unknown_token_id"),
          fallsBack: !tokens.bytes.isEmpty)),
      preTokenizer: WholeText(),
      normalizer: TextRewriting(rewritings: try Self.rewritings(gguf, addsSpace: addsSpace)),
      decoder: SentencePieceDecoder(stripsSpace: addsSpace), addedTokens: tokens.added)
    _ = try parts.special(unknown, item: "tokenizer.ggml.unknown_token_id", in: gguf)
    // Unused tokens are no text's.
    parts.addSpecial(tokens.unused)
    parts.endOfTextID = try parts.special("tokenizer.ggml.eos_token_id", in: gguf)
    if try gguf.bool("tokenizer.ggml.add_bos_token") ?? false {
      parts.frame.beginID = try parts.special("tokenizer.ggml.bos_token_id", in: gguf)
    }
    if try gguf.bool("tokenizer.ggml.add_eos_token") ?? true {
      parts.frame.closingID = parts.endOfTextID
    }
    return parts
  }

  private static func rewritings(
    _ gguf: GGUFFields, addsSpace: Bool
  ) throws(TokenizerError) -> [any Rewriting] {
    var rewritings: [any Rewriting] = []
    let key = "tokenizer.ggml.precompiled_charsmap"
    if gguf.gguf.contains(key) {
      guard let charsmap = Charsmap(try gguf.bytes(key)) else {
        throw Precompiled.malformed(file: gguf.file, item: key)
      }
      rewritings.append(Precompiled(charsmap))
    }
    let removes = try gguf.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false
    if removes { rewritings += [TrimSpaces(), JoinSpaces()] }
    rewritings.append(MarkSpaces())
    if addsSpace { rewritings.append(Prefix()) }
    return removes ? rewritings + [TrimMarks()] : rewritings
  }

  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel {
    var scores: [Double] = []
    for value in try root.array("scores") ?? [] {
      guard let score = value.double else { throw root.mismatch("scores", "numbers", value) }
      scores.append(score)
    }
    return try UnigramModel(
      spellings: try Vocabulary(serialized: root, added: added).spellings, scores: scores,
      settings: UnigramModel.Settings(
        unknownID: try root.tokenID("unknownID"), fallsBack: try root.bool("fallsBack") ?? false),
      added: added, file: root.file)
  }
}
