import ModelFiles

/// Byte-level BPE: GPT-2, Qwen2, SmolLM.
struct BytePairKind: TokenizerKind {
  let name = "byte-level BPE"
  let jsonType = "BPE"
  let ggufModel = "gpt2"
  let format = "denju-tokenizer-1"

  let normalizers: [any Normalizer.Type] = [Unnormalized.self, FormC.self]
  let preTokenizers: [any PreTokenizer.Type] = [
    GPT2PreTokenizer.self, Qwen2PreTokenizer.self, SmolLMPreTokenizer.self,
  ]
  let postProcessors: [any PostProcessor] = [
    ByteLevelProcessing(), TemplateProcessing(closesTexts: false),
  ]
  let decoders: [any TokenDecoder.Type] = [ByteLevelDecoder.self]
  let usualDecoder: any TokenDecoder = ByteLevelDecoder()

  let advice = RefusalAdvice(
    normalizer: "use a tokenizer whose normalizer is null or NFC",
    preTokenizer: "use a tokenizer that splits as GPT-2, Qwen2 or SmolLM do",
    postProcessor: "use a tokenizer whose post_processor is null, ByteLevel or TemplateProcessing",
    decoder: "use a byte-level tokenizer")

  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection {
    try BytePairSection(model)
  }

  func check(configuration: FieldReader, _ parts: TokenizerParts) {}

  // MARK: - GGUF

  /// GGUF does not store the normaliser: `qwen2` means NFC here, as in Qwen2's `tokenizer.json`,
  /// so that both files of a model give the same ids. (llama.cpp does not normalise.)
  private static let presets: [String: (any PreTokenizer, any Normalizer)] = [
    "gpt-2": (GPT2PreTokenizer(), Unnormalized()),
    "qwen2": (Qwen2PreTokenizer(), FormC()),
    "smollm": (SmolLMPreTokenizer(), Unnormalized()),
  ]

  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts {
    for key in ["tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_space_prefix"] {
      try gguf.refuse(
        key, advice: "use a model whose tokenizer adds nothing but a begin-of-text token")
    }
    let (preTokenizer, normalizer) = try preset(gguf)
    let tokens = try GGUFTokens(gguf, kind: name)
    let section = BytePairSection(
      listed: tokens.listed { $0 }, merges: try BytePairSection.merges(gguf), ignoresMerges: false)
    var parts = TokenizerParts(
      kind: self, file: gguf.file, section: section, preTokenizer: preTokenizer,
      normalizer: normalizer, decoder: usualDecoder, addedTokens: tokens.added)
    parts.endOfTextID = try parts.special("tokenizer.ggml.eos_token_id", in: gguf)
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
      if let id = try parts.special(key, in: gguf) { parts.endIDs.insert(id) }
    }
    if try gguf.bool("tokenizer.ggml.add_bos_token") == true {
      parts.frame.beginID = try parts.special("tokenizer.ggml.bos_token_id", in: gguf)
    }
    return parts
  }

  private func preset(
    _ gguf: GGUFFields
  ) throws(TokenizerError) -> (any PreTokenizer, any Normalizer) {
    let name = try gguf.string("tokenizer.ggml.pre") ?? "absent"
    guard let preset = Self.presets[name] else {
      // "default" is not GPT-2's: it splits digits and punctuation in a way of its own.
      throw .unsupported(
        file: gguf.file, item: "tokenizer.ggml.pre", found: quoted(name),
        advice: "use a model whose pre-tokenizer is gpt-2, qwen2 or smollm")
    }
    return preset
  }

  // MARK: - The serialized form

  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel {
    let vocabulary = try Vocabulary(serialized: root, added: added)
    return try BytePairModel(
      spellings: vocabulary.spellings, merges: try merges(root, of: vocabulary),
      ignoresMerges: try root.bool("ignoresMerges") ?? false, file: root.file)
  }

  private func merges(
    _ root: FieldReader, of vocabulary: Vocabulary
  ) throws(TokenizerError) -> [MergeTable.Merge] {
    let ids = try root.tokenIDs("merges")
    guard ids.count % 2 == 0 else {
      throw .malformed(
        file: root.file, item: "merges", expected: "pairs of ids", found: "\(ids.count) ids")
    }
    var merges: [MergeTable.Merge] = []
    merges.reserveCapacity(ids.count / 2)
    for index in stride(from: 0, to: ids.count, by: 2) {
      merges.append(
        try vocabulary.merge(ids[index], ids[index + 1], rank: index / 2, file: root.file))
    }
    return merges
  }
}
