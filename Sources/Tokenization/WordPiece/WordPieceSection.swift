import ModelFiles

/// A WordPiece vocabulary as a file says it.
struct WordPieceSection: TokenModelSection {
  let listed: [(spelling: [UInt8], id: Int64)]
  let settings: WordPieceModel.Settings

  init(listed: [(spelling: [UInt8], id: Int64)], settings: WordPieceModel.Settings) {
    self.listed = listed
    self.settings = settings
  }

  /// The `model` section of a `tokenizer.json`.
  init(_ model: FieldReader) throws(TokenizerError) {
    listed = try model.vocabulary("vocab")
    let unknown = Array((try model.string("unk_token") ?? "[UNK]").utf8)
    guard let (_, number) = listed.first(where: { $0.spelling == unknown }) else {
      throw .malformed(
        file: model.file, item: model.name("unk_token"), expected: "a token of model.vocab",
        found: quoted(unknown))
    }
    let maximum = try model.integer("max_input_chars_per_word") ?? 100
    guard maximum >= 0 else {
      throw .malformed(
        file: model.file, item: model.name("max_input_chars_per_word"),
        expected: "a count of characters", found: String(maximum))
    }
    settings = WordPieceModel.Settings(
      unknownID: try FieldReader.tokenID(
        number, file: model.file, item: "model.vocab[\(quoted(unknown))]"),
      prefix: Array((try model.string("continuing_subword_prefix") ?? "##").utf8),
      maximumCharacters: Int32(clamping: maximum))
  }

  func model(
    over vocabulary: Vocabulary, added: [AddedToken], file: String
  ) throws(TokenizerError) -> any TokenModel {
    try WordPieceModel(spellings: vocabulary.spellings, settings: settings, file: file)
  }
}
