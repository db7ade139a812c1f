import ModelFiles

/// WordPiece: BERT and the encoders after it.
struct WordPieceKind: TokenizerKind {
  let name = "WordPiece"
  let jsonType = "WordPiece"
  let ggufModel = "bert"
  let format = "denju-tokenizer-wordpiece-1"

  let normalizers: [any Normalizer.Type] = [BertNormalizer.self]
  let preTokenizers: [any PreTokenizer.Type] = [BertPreTokenizer.self]
  let postProcessors: [any PostProcessor] = [
    TemplateProcessing(closesTexts: true), BertProcessing(),
  ]
  let decoders: [any TokenDecoder.Type] = [WordPieceDecoder.self]
  let usualDecoder: any TokenDecoder = WordPieceDecoder()

  let advice = RefusalAdvice(
    normalizer: "use a tokenizer whose normalizer is BertNormalizer",
    preTokenizer: "use a tokenizer whose pre_tokenizer is BertPreTokenizer",
    postProcessor:
      "use a tokenizer whose post_processor is null, TemplateProcessing or BertProcessing",
    decoder: "use a tokenizer whose decoder is null or WordPiece")

  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection {
    try WordPieceSection(model)
  }

  /// transformers lets `tokenizer_config.json` replace the normaliser of a BERT tokenizer.
  func check(
    configuration root: FieldReader, _ parts: TokenizerParts
  ) throws(TokenizerError) {
    if let adds = try root.bool("add_bos_token") {
      throw .unsupported(
        file: root.file, item: "add_bos_token", found: String(adds),
        advice: "remove it: what a WordPiece tokenizer adds stands in tokenizer.json")
    }
    guard let normalizer = parts.normalizer as? BertNormalizer else { return }
    for (key, value) in [
      ("do_lower_case", normalizer.lowercases), ("strip_accents", normalizer.stripsAccents),
      ("tokenize_chinese_chars", normalizer.partsIdeographs),
    ] {
      guard let said = try root.bool(key), said != value else { continue }
      throw .unsupported(
        file: root.file, item: key, found: "\(said), and \(value) in \(parts.file)",
        advice: "make both files say what the model was trained with")
    }
  }

  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel {
    guard let unknownID = try root.tokenID("unknownID") else {
      throw .missing(file: root.file, item: "unknownID")
    }
    return try WordPieceModel(
      spellings: try Vocabulary(serialized: root, added: added).spellings,
      settings: WordPieceModel.Settings(
        unknownID: unknownID, prefix: Array((try root.string("prefix") ?? "").utf8),
        maximumCharacters: try root.tokenID("maximumCharacters") ?? 0),
      file: root.file)
  }
}
