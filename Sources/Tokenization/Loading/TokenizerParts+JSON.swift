import ModelFiles

extension TokenizerParts {
  /// Reads a Hugging Face `tokenizer.json`.
  ///
  /// Its `truncation` and `padding` are not applied: they belong to whoever batches. What would
  /// change the ids and is not implemented is refused by name.
  init(json: [UInt8], file: String, _ registry: TokenizerRegistry) throws(TokenizerError) {
    let root = try FieldReader(try JSONValue.parsed(json, file: file), file: file)
    guard let model = try root.reader("model") else {
      throw .missing(file: file, item: "model")
    }
    let kind = try registry.kind(json: root, model: model)
    self.init(
      kind: kind, file: file, section: try kind.section(model),
      preTokenizer: try Self.preTokenizer(root, kind), normalizer: try Self.normalizer(root, kind),
      decoder: kind.usualDecoder, addedTokens: try Self.addedTokens(root),
      frame: try Self.frame(root, kind))
    decoder = try Self.decoder(root, kind)
  }

  private static func normalizer(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any Normalizer {
    let steps = try TokenizerStep.all(root, "normalizer", list: "normalizers")
    let types = steps.map(\.type)
    for type in kind.normalizers where type.isWritten(as: types) { return try type.init(steps) }
    throw .unsupported(
      file: root.file, item: "normalizer",
      found: types.isEmpty ? "absent" : types.joined(separator: ", "),
      advice: kind.advice.normalizer)
  }

  private static func preTokenizer(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any PreTokenizer {
    let steps = try TokenizerStep.all(root, "pre_tokenizer", list: "pretokenizers")
    let types = steps.map(\.type)
    for type in kind.preTokenizers where type.isWritten(as: types) {
      if let found = try type.init(steps) { return found }
    }
    let isKnown = kind.preTokenizers.contains { $0.isWritten(as: types) }
    throw .unsupported(
      file: root.file, item: "pre_tokenizer",
      found: steps.isEmpty
        ? "absent" : types.joined(separator: ", ") + (isKnown ? " with settings of its own" : ""),
      advice: kind.advice.preTokenizer)
  }

  private static func frame(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> TextFrame {
    var frame = TextFrame()
    for step in try TokenizerStep.all(root, "post_processor", list: "processors") {
      guard let processor = kind.postProcessors.first(where: { $0.type == step.type }) else {
        throw .unsupported(
          file: root.file, item: step.fields.path, found: step.type,
          advice: kind.advice.postProcessor)
      }
      try processor.apply(step.fields, to: &frame)
    }
    return frame
  }

  private static func decoder(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any TokenDecoder {
    let steps = try TokenizerStep.all(root, "decoder", list: "decoders")
    guard !steps.isEmpty else { return kind.usualDecoder }
    let types = steps.map(\.type)
    for type in kind.decoders where type.isWritten(as: types) { return try type.init(steps) }
    throw .unsupported(
      file: root.file, item: "decoder", found: types.joined(separator: ", "),
      advice: kind.advice.decoder)
  }

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
