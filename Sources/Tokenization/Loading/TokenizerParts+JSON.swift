import ModelFiles

extension TokenizerParts {
  /// Reads a Hugging Face `tokenizer.json`.
  ///
  /// Its `truncation` and `padding` are not applied: they belong to whoever batches. Its
  /// `decoder` is not needed: byte-level tokens decode to their bytes. What would change the ids
  /// and is not implemented is refused by name.
  init(json: [UInt8], file: String) throws(TokenizerError) {
    let root = try FieldReader(try JSONValue.parsed(json, file: file), file: file)
    guard let model = try root.reader("model") else {
      throw .missing(file: file, item: "model")
    }
    let bpe = try BytePairSection(model)
    self.init(
      file: file, listed: bpe.listed, merges: bpe.merges,
      ignoresMerges: bpe.ignoresMerges,
      preTokenizer: try Self.preTokenizer(root), normalization: try Self.normalization(root),
      addedTokens: try Self.addedTokens(root), beginID: try Self.beginID(root))
    try Self.checkDecoder(root)
  }

  /// The steps of a section that is one step or a `Sequence` of them, listed under `list`; with
  /// their types.
  private static func steps(
    _ root: FieldReader, _ key: String, list: String
  ) throws(TokenizerError) -> [(type: String, fields: FieldReader)] {
    guard let section = try root.reader(key) else { return [] }
    var fields = [section]
    if try section.string("type") == "Sequence" {
      fields = []
      for (index, step) in (try section.array(list) ?? []).enumerated() {
        fields.append(
          try FieldReader(step, file: root.file, path: "\(section.name(list))[\(index)]"))
      }
    }
    var steps: [(type: String, fields: FieldReader)] = []
    for step in fields { steps.append((try step.string("type") ?? "nameless", step)) }
    return steps
  }

  // MARK: - Normaliser

  private static func normalization(_ root: FieldReader) throws(TokenizerError) -> Normalization {
    let types = try steps(root, "normalizer", list: "normalizers").map(\.type)
    switch types {
    case []: return .none
    case ["NFC"]: return .nfc
    default:
      throw .unsupported(
        file: root.file, item: "normalizer", found: types.joined(separator: ", "),
        advice: "use a tokenizer whose normalizer is null or NFC")
    }
  }

  // MARK: - Pre-tokenizer

  private static func preTokenizer(_ root: FieldReader) throws(TokenizerError) -> PreTokenizer {
    let steps = try steps(root, "pre_tokenizer", list: "pretokenizers")
    for (type, fields) in steps where type == "ByteLevel" {
      try fields.refuse(
        "add_prefix_space", advice: "use a tokenizer that adds no space to the text")
    }
    switch steps.map(\.type) {
    case ["ByteLevel"]:
      if try splitsWords(steps[0].fields) { return .gpt2 }
    case ["Digits", "ByteLevel"]:
      let isSingle = try steps[0].fields.bool("individual_digits") ?? false
      if try splitsWords(steps[1].fields), isSingle { return .smollm }
    case ["Split", "ByteLevel"]:
      let splits = try splitsWords(steps[1].fields)
      if try isQwen2(steps[0].fields), !splits { return .qwen2 }
    default: break
    }
    throw .unsupported(
      file: root.file, item: "pre_tokenizer",
      found: steps.isEmpty
        ? "absent" : steps.map(\.type).joined(separator: ", ") + " with settings of its own",
      advice: "use a tokenizer that splits as GPT-2, Qwen2 or SmolLM do")
  }

  /// Whether a `ByteLevel` step applies GPT-2's expression.
  private static func splitsWords(_ byteLevel: FieldReader) throws(TokenizerError) -> Bool {
    try byteLevel.bool("use_regex") ?? true
  }

  private static func isQwen2(_ split: FieldReader) throws(TokenizerError) -> Bool {
    let pattern = try split.reader("pattern")?.string("Regex") ?? ""
    let behavior = try split.string("behavior")
    let isInverted = try split.bool("invert") ?? false
    return pattern.utf8.elementsEqual(Qwen2Scanner.expression.utf8) && behavior == "Isolated"
      && !isInverted
  }

  // MARK: - Added tokens

  private static func addedTokens(_ root: FieldReader) throws(TokenizerError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for (index, value) in (try root.array("added_tokens") ?? []).enumerated() {
      let fields = try FieldReader(value, file: root.file, path: "added_tokens[\(index)]")
      guard let id = try fields.tokenID("id") else {
        throw .missing(file: root.file, item: fields.name("id"))
      }
      tokens.append(try AddedToken(fields, id: id))
    }
    return tokens
  }

  // MARK: - Post-processor and decoder

  /// The token that the post-processor puts before a text.
  private static func beginID(_ root: FieldReader) throws(TokenizerError) -> Int32? {
    var begin: Int32?
    for (type, fields) in try steps(root, "post_processor", list: "processors") {
      switch type {
      case "ByteLevel": continue  // changes offsets alone
      case "TemplateProcessing": begin = try beginID(template: fields)
      default:
        throw .unsupported(
          file: root.file, item: fields.path, found: type,
          advice: "use a tokenizer whose post_processor is null, ByteLevel or TemplateProcessing")
      }
    }
    return begin
  }

  private static func beginID(template: FieldReader) throws(TokenizerError) -> Int32? {
    let unsupported = TokenizerError.unsupported(
      file: template.file, item: template.name("single"),
      found: "more than one token before the text",
      advice: "use a tokenizer that adds at most a begin-of-text token")
    var begin: String?
    var seenText = false
    for value in try template.array("single") ?? [] {
      guard case .object(let object) = value, let (kind, content) = object.members.first else {
        throw template.mismatch("single", "an array of objects", value)
      }
      let name = try FieldReader(content, file: template.file, path: template.name("single"))
        .string("id")
      if kind == "Sequence" {
        seenText = true
      } else if seenText || begin != nil {
        throw unsupported
      } else {
        begin = name
      }
    }
    guard let begin else { return nil }
    guard let token = try template.reader("special_tokens")?.reader(begin),
      let ids = try token.array("ids"), ids.count == 1, case .integer(let id) = ids[0]
    else { throw unsupported }
    return try FieldReader.tokenID(id, file: template.file, item: token.name("ids"))
  }

  private static func checkDecoder(_ root: FieldReader) throws(TokenizerError) {
    guard let decoder = try root.reader("decoder") else { return }
    let type = try decoder.string("type")
    guard type == "ByteLevel" else {
      throw .unsupported(
        file: root.file, item: "decoder", found: type ?? "nameless",
        advice: "use a byte-level tokenizer")
    }
  }
}

extension AddedToken {
  init(_ fields: FieldReader, id: Int32) throws(TokenizerError) {
    guard let content = try fields.string("content") else {
      throw .missing(file: fields.file, item: fields.name("content"))
    }
    let isSpecial = try fields.bool("special") ?? false
    self.init(
      id: id, content: Array(content.utf8), isSpecial: isSpecial,
      isSingleWord: try fields.bool("single_word") ?? false,
      stripsLeft: try fields.bool("lstrip") ?? false,
      stripsRight: try fields.bool("rstrip") ?? false,
      isNormalized: try fields.bool("normalized") ?? !isSpecial)
  }
}
