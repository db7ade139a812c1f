import ModelFiles

/// The canonical form of a tokenizer: one line of JSON that holds everything, equal bytes for
/// equal tokenizers. Tokens are spelled as in `tokenizer.json`, null is an id that only an added
/// token has; what else a model has it writes itself. A closing token and a decoder are there only
/// where the kind's usual form has none, or another.
extension Tokenizer {
  /// The canonical bytes, UTF-8.
  public func serialized() -> [UInt8] {
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("format", definition.kind.format)
    writer.member("preTokenizer", definition.preTokenizer.name)
    writer.member("normalization", definition.normalizer.name)
    definition.model.writeSettings(&writer)
    writer.member("beginID", definition.frame.beginID)
    if let closingID { writer.member("closingID", closingID) }
    if definition.decoder.name != definition.kind.usualDecoder.name {
      writer.member("decoder", definition.decoder.name)
    }
    writer.member("endOfTextID", definition.endOfTextID)
    writer.key("endIDs")
    writer.list(definition.endIDs) { $0.value($1) }
    writer.key("chatTemplate")
    writeTemplate(&writer)
    writer.key("addedTokens")
    writer.list(definition.addedTokens) { $1.write(to: &$0) }
    definition.model.writeVocabulary(&writer)
    writer.close("}")
    return writer.bytes
  }

  /// SHA-256 of ``serialized()``, 64 hexadecimal digits: tokenizers with one fingerprint give the
  /// same ids for every text.
  public var fingerprint: String {
    memo.fingerprint { SHA256Text.hexadecimal(serialized()) }
  }

  private func writeTemplate(_ writer: inout CanonicalJSON) {
    writer.open("{")
    writer.member("name", definition.template?.name)
    writer.member("system", definition.template?.form.system)
    writer.member("sha256", definition.templateSHA256)
    writer.close("}")
  }

  /// The tokenizer that ``serialized()`` wrote; `file` names it in errors.
  public init(
    serialized bytes: [UInt8], file: String = "serialized tokenizer"
  ) throws(TokenizerError) {
    let root = try FieldReader(try JSONValue.parsed(bytes, file: file), file: file)
    let kind = try TokenizerRegistry.builtIn.kind(serialized: root)
    let (template, sha256) = try Self.readTemplate(root)
    var added: [AddedToken] = []
    for (index, value) in (try root.array("addedTokens") ?? []).enumerated() {
      let fields = try FieldReader(value, file: file, path: "addedTokens[\(index)]")
      guard let id = try fields.tokenID("id") else {
        throw .missing(file: file, item: fields.name("id"))
      }
      added.append(try AddedToken(fields, id: id))
    }
    try self.init(
      TokenizerDefinition(
        kind: kind, model: try kind.model(serialized: root, added: added),
        preTokenizer: try Self.readPreTokenizer(root, kind),
        normalizer: try Self.readNormalizer(root, kind),
        decoder: try Self.readDecoder(root, kind), addedTokens: added,
        frame: TextFrame(
          beginID: try root.tokenID("beginID"), closingID: try root.tokenID("closingID")),
        endOfTextID: try root.tokenID("endOfTextID"), endIDs: try root.tokenIDs("endIDs"),
        template: template, templateSHA256: sha256),
      file: file)
  }

  private static func readPreTokenizer(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any PreTokenizer {
    let name = try root.string("preTokenizer") ?? "absent"
    for type in kind.preTokenizers {
      if let preTokenizer = type.init(name: name) { return preTokenizer }
    }
    throw unknown(root, "preTokenizer", name)
  }

  private static func readNormalizer(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any Normalizer {
    let name = try root.string("normalization") ?? "absent"
    for type in kind.normalizers {
      if let normalizer = type.init(name: name) { return normalizer }
    }
    throw unknown(root, "normalization", name)
  }

  private static func readDecoder(
    _ root: FieldReader, _ kind: any TokenizerKind
  ) throws(TokenizerError) -> any TokenDecoder {
    guard let name = try root.string("decoder") else { return kind.usualDecoder }
    for type in kind.decoders {
      if let decoder = type.init(name: name) { return decoder }
    }
    throw unknown(root, "decoder", name)
  }

  private static func unknown(_ root: FieldReader, _ key: String, _ name: String) -> TokenizerError
  {
    .unsupported(
      file: root.file, item: key, found: quoted(name),
      advice: "use a version of denju that knows it")
  }

  private static func readTemplate(
    _ root: FieldReader
  ) throws(TokenizerError) -> (ChatTemplate?, sha256: String?) {
    guard let section = try root.reader("chatTemplate") else { return (nil, nil) }
    let sha256 = try section.string("sha256")
    guard let name = try section.string("name") else { return (nil, sha256) }
    let system = try section.string("system").map { Array($0.utf8) }
    return (ChatTemplate(form: try ChatTemplate.named(name).form.saying(system: system)), sha256)
  }
}

extension AddedToken {
  /// As `tokenizer.json` has it, and the canonical form too.
  func write(to writer: inout CanonicalJSON) {
    writer.open("{")
    writer.member("id", id)
    writer.member("content", content)
    writer.member("special", isSpecial)
    writer.member("single_word", isSingleWord)
    writer.member("lstrip", stripsLeft)
    writer.member("rstrip", stripsRight)
    writer.member("normalized", isNormalized)
    writer.close("}")
  }
}
