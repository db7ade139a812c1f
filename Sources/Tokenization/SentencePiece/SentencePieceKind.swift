import ModelFiles

/// SentencePiece's byte-pair encoding: Llama 2, Mistral, Phi-3, Gemma.
struct SentencePieceKind: TokenizerKind {
  let name = "SentencePiece BPE"
  let jsonType = "BPE"
  let ggufModel = "llama"
  let format = "denju-tokenizer-sentencepiece-1"

  let normalizers: [any Normalizer.Type] = [TextRewriting.self]
  let preTokenizers: [any PreTokenizer.Type] = [
    WholeText.self, MarkedSpaces.self, MetaspacePreTokenizer.self,
  ]
  let postProcessors: [any PostProcessor] = [
    TemplateProcessing(closesTexts: false), ByteLevelProcessing(),
  ]
  let decoders: [any TokenDecoder.Type] = [SentencePieceDecoder.self]
  let usualDecoder: any TokenDecoder = SentencePieceDecoder(stripsSpace: true)

  let advice = RefusalAdvice(
    normalizer: "use a tokenizer that rewrites text as Llama 2, Mistral, Phi-3 or Gemma do",
    preTokenizer: "use a tokenizer whose pre_tokenizer is null, Metaspace or a Split at spaces",
    postProcessor: "use a tokenizer whose post_processor is null or TemplateProcessing",
    decoder: "use a tokenizer whose decoder is Replace, ByteFallback, Fuse and Strip")

  /// A byte-level tokenizer's model has the same type, and a `ByteLevel` step.
  func reads(_ root: FieldReader, model: FieldReader) throws(TokenizerError) -> Bool {
    let steps = try TokenizerStep.all(root, "pre_tokenizer", list: "pretokenizers")
    guard !steps.contains(where: { $0.type == "ByteLevel" }) else { return false }
    let fallsBack = try model.bool("byte_fallback") ?? false
    let fuses = try model.bool("fuse_unk") ?? false
    let unknown = try model.string("unk_token")
    return fallsBack || fuses || unknown != nil
  }

  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection {
    try SentencePieceSection(model)
  }

  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel {
    let vocabulary = try Vocabulary(serialized: root, added: added)
    let settings = SentencePieceModel.Settings(
      unknownID: try root.tokenID("unknownID"), fallsBack: try root.bool("fallsBack") ?? false,
      fusesUnknown: try root.bool("fusesUnknown") ?? false,
      ignoresMerges: try root.bool("ignoresMerges") ?? false)
    let joins: SentencePieceModel.Joins =
      root.value("order") != nil
      ? .order(try root.tokenIDs("order"))
      : .merges(try BytePairKind.merges(root, of: vocabulary))
    return try SentencePieceModel(
      spellings: vocabulary.spellings, settings: settings, joins: joins, added: added,
      file: root.file)
  }
}
