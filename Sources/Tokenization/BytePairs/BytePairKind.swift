import ModelFiles

/// Byte-level BPE: GPT-2, GPT-NeoX, Qwen2 and Qwen3, SmolLM, Llama 3, Mistral Nemo.
struct BytePairKind: TokenizerKind {
  let name = "byte-level BPE"
  let jsonType = "BPE"
  let ggufModel = "gpt2"
  let format = "denju-tokenizer-1"

  let normalizers: [any Normalizer.Type] = [Unnormalized.self, FormC.self]
  let preTokenizers: [any PreTokenizer.Type] = [
    GPT2PreTokenizer.self, Qwen2PreTokenizer.self, SmolLMPreTokenizer.self,
    Llama3PreTokenizer.self, TekkenPreTokenizer.self,
  ]
  let postProcessors: [any PostProcessor] = [
    ByteLevelProcessing(), TemplateProcessing(closesTexts: false),
  ]
  let decoders: [any TokenDecoder.Type] = [ByteLevelDecoder.self]
  let usualDecoder: any TokenDecoder = ByteLevelDecoder()
  var usualPostProcessor: String? { usualDecoder.json }

  let advice = RefusalAdvice(
    normalizer: "use a tokenizer whose normalizer is null or NFC",
    preTokenizer: "use a tokenizer that splits as GPT-2, Qwen2, SmolLM, Llama 3 or Tekken do",
    postProcessor: "use a tokenizer whose post_processor is null, ByteLevel or TemplateProcessing",
    decoder: "use a byte-level tokenizer")

  func section(_ model: FieldReader) throws(TokenizerError) -> any TokenModelSection {
    try BytePairSection(model)
  }

  // MARK: - GGUF

  /// What GGUF says by the name of a pre-tokenizer, and does not store.
  private struct Preset {
    let preTokenizer: any PreTokenizer
    var normalizer: any Normalizer = Unnormalized()
    /// Whether a word that is a token as a whole is that token.
    var ignoresMerges = false
    /// Whether a text begins with the begin-of-text token where the file says nothing of it.
    var begins = false
    /// Whether tokens that a user defined are matched in the normalised text.
    var isNormalized = false
  }

  /// `qwen2` means NFC here, as in Qwen2's `tokenizer.json`, so that both files of a model give
  /// the same ids, and `olmo`, GPT-NeoX's, does too. (llama.cpp does not normalise.)
  private static let presets: [(name: String, preset: Preset)] = [
    ("gpt-2", Preset(preTokenizer: GPT2PreTokenizer())),
    ("qwen2", Preset(preTokenizer: Qwen2PreTokenizer(), normalizer: FormC())),
    ("smollm", Preset(preTokenizer: SmolLMPreTokenizer())),
    ("llama-bpe", Preset(preTokenizer: Llama3PreTokenizer(), ignoresMerges: true, begins: true)),
    (
      "olmo",
      Preset(preTokenizer: GPT2PreTokenizer(), normalizer: FormC(), isNormalized: true)
    ),
    ("tekken", Preset(preTokenizer: TekkenPreTokenizer(), ignoresMerges: true, begins: true)),
  ]

  func parts(_ gguf: GGUFFields) throws(TokenizerError) -> TokenizerParts {
    for key in ["tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_space_prefix"] {
      try gguf.refuse(
        key, advice: "use a model whose tokenizer adds nothing but a begin-of-text token")
    }
    let preset = try preset(gguf)
    let tokens = try GGUFTokens(gguf, kind: name)
    let special = Set(tokens.added.lazy.filter(\.isSpecial).map { Int64($0.id) })
    let section = BytePairSection(
      // A word is never a special token, not even as a whole.
      listed: tokens.listed { $0 }.filter { !preset.ignoresMerges || !special.contains($0.id) },
      merges: try BytePairSection.merges(gguf), ignoresMerges: preset.ignoresMerges)
    var parts = TokenizerParts(
      kind: self, file: gguf.file, section: section, preTokenizer: preset.preTokenizer,
      normalizer: preset.normalizer, decoder: usualDecoder,
      addedTokens: tokens.added.map { preset.isNormalized && !$0.isSpecial ? $0.normalized : $0 })
    parts.endOfTextID = try parts.special("tokenizer.ggml.eos_token_id", in: gguf)
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
      if let id = try parts.special(key, in: gguf) { parts.endIDs.insert(id) }
    }
    if try gguf.bool("tokenizer.ggml.add_bos_token") ?? preset.begins {
      parts.frame.beginID = try parts.special("tokenizer.ggml.bos_token_id", in: gguf)
    }
    return parts
  }

  private func preset(_ gguf: GGUFFields) throws(TokenizerError) -> Preset {
    let name = try gguf.string("tokenizer.ggml.pre") ?? "absent"
    guard let (_, preset) = Self.presets.first(where: { $0.name.utf8.elementsEqual(name.utf8) })
    else {
      let names = Self.presets.map(\.name)
      // "default" is not GPT-2's: it splits digits and punctuation in a way of its own.
      throw .unsupported(
        file: gguf.file, item: "tokenizer.ggml.pre", found: quoted(name),
        advice: "use a model whose pre-tokenizer is "
          + names.dropLast().joined(separator: ", ") + " or \(names[names.count - 1])")
    }
    return preset
  }

  // MARK: - The serialized form

  func model(
    serialized root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> any TokenModel {
    let vocabulary = try Vocabulary(serialized: root, added: added)
    return try BytePairModel(
      spellings: vocabulary.spellings, merges: try Self.merges(root, of: vocabulary),
      ignoresMerges: try root.bool("ignoresMerges") ?? false, file: root.file)
  }

  /// The merges that the serialized form lists by their tokens' ids.
  static func merges(
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
