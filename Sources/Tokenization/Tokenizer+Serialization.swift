import ModelFiles

/// The canonical form of a tokenizer: one line of JSON that holds everything, equal bytes for
/// equal tokenizers. Tokens are spelled in the byte-level alphabet, as in `tokenizer.json`;
/// merges are pairs of ids, flat, by rank; null is an id that only an added token has.
extension Tokenizer {
  private static let format = "denju-tokenizer-1"

  /// The canonical bytes, UTF-8.
  public func serialized() -> [UInt8] {
    var writer = CanonicalJSON()
    writer.open("{")
    writer.member("format", Self.format)
    writer.member("preTokenizer", definition.preTokenizer.rawValue)
    writer.member("normalization", definition.normalization.rawValue)
    writer.member("ignoresMerges", definition.ignoresMerges)
    writer.member("beginID", definition.beginID)
    writer.member("endOfTextID", definition.endOfTextID)
    writer.key("endIDs")
    writer.list(definition.endIDs) { $0.value($1) }
    writer.key("chatTemplate")
    writeTemplate(&writer)
    writer.key("addedTokens")
    writer.list(definition.addedTokens) { writer, token in
      writer.open("{")
      writer.member("id", token.id)
      writer.member("content", token.content)
      writer.member("special", token.isSpecial)
      writer.member("single_word", token.isSingleWord)
      writer.member("lstrip", token.stripsLeft)
      writer.member("rstrip", token.stripsRight)
      writer.member("normalized", token.isNormalized)
      writer.close("}")
    }
    writer.key("tokens")
    writer.list(definition.spellings) { $0.value($1) }
    writer.key("merges")
    writer.list(definition.merges.flatMap { [$0.left, $0.right] }) { $0.value($1) }
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
    if case .chatML(let system)? = definition.template?.form {
      writer.member("system", system)
    } else {
      writer.member("system", [UInt8]?.none)
    }
    writer.member("sha256", definition.templateSHA256)
    writer.close("}")
  }

  /// The tokenizer that ``serialized()`` wrote; `file` names it in errors.
  public init(
    serialized bytes: [UInt8], file: String = "serialized tokenizer"
  ) throws(TokenizerError) {
    let root = try FieldReader(try JSONValue.parsed(bytes, file: file), file: file)
    let format = try root.string("format") ?? "absent"
    guard format == Self.format else {
      throw .unsupported(
        file: file, item: "format", found: quoted(format),
        advice: "use a version of denju that writes it, or make it again from the model")
    }
    let (template, sha256) = try Self.readTemplate(root)
    var added: [AddedToken] = []
    for (index, value) in (try root.array("addedTokens") ?? []).enumerated() {
      let fields = try FieldReader(value, file: file, path: "addedTokens[\(index)]")
      guard let id = try fields.tokenID("id") else {
        throw .missing(file: file, item: fields.name("id"))
      }
      added.append(try AddedToken(fields, id: id))
    }
    let vocabulary = try Self.readVocabulary(root, added: added)
    try self.init(
      TokenizerDefinition(
        spellings: vocabulary.spellings, merges: try Self.readMerges(root, of: vocabulary),
        ignoresMerges: try root.bool("ignoresMerges") ?? false,
        preTokenizer: try Self.readCase(root, "preTokenizer"),
        normalization: try Self.readCase(root, "normalization"), addedTokens: added,
        beginID: try root.tokenID("beginID"), endOfTextID: try root.tokenID("endOfTextID"),
        endIDs: try Self.readIDs(root, "endIDs"), template: template, templateSHA256: sha256),
      file: file)
  }

  private static func readCase<Value: RawRepresentable<String>>(
    _ root: FieldReader, _ key: String
  ) throws(TokenizerError) -> Value {
    let name = try root.string(key) ?? "absent"
    guard let value = Value(rawValue: name) else {
      throw .unsupported(
        file: root.file, item: key, found: quoted(name),
        advice: "use a version of denju that knows it")
    }
    return value
  }

  private static func readIDs(
    _ root: FieldReader, _ key: String
  ) throws(TokenizerError) -> [Int32] {
    let values = try root.array(key) ?? []
    var ids: [Int32] = []
    ids.reserveCapacity(values.count)
    for value in values {
      guard case .integer(let number) = value else {
        throw root.mismatch(key, "token ids", value)
      }
      ids.append(try FieldReader.tokenID(number, file: root.file, item: key))
    }
    return ids
  }

  private static func readMerges(
    _ root: FieldReader, of vocabulary: Vocabulary
  ) throws(TokenizerError) -> [MergeTable.Merge] {
    let ids = try readIDs(root, "merges")
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

  private static func readVocabulary(
    _ root: FieldReader, added: [AddedToken]
  ) throws(TokenizerError) -> Vocabulary {
    var spellings: [[UInt8]?] = []
    for value in try root.array("tokens") ?? [] {
      switch value {
      case .string(let text): spellings.append(Array(text.utf8))
      case .null: spellings.append(nil)
      default: throw root.mismatch("tokens", "strings and nulls", value)
      }
    }
    let addedIDs = Set(added.map(\.id))
    for (id, spelling) in spellings.enumerated()
    where spelling == nil && !addedIDs.contains(Int32(truncatingIfNeeded: id)) {
      throw .malformed(
        file: root.file, item: "tokens[\(id)]", expected: "a token", found: "null")
    }
    return try Vocabulary(spellings: spellings, file: root.file)
  }

  private static func readTemplate(
    _ root: FieldReader
  ) throws(TokenizerError) -> (ChatTemplate?, sha256: String?) {
    guard let section = try root.reader("chatTemplate") else { return (nil, nil) }
    let sha256 = try section.string("sha256")
    guard let name = try section.string("name") else { return (nil, sha256) }
    let named = try ChatTemplate.named(name)
    guard case .chatML = named.form else { return (named, sha256) }
    let system = try section.string("system").map { Array($0.utf8) }
    return (ChatTemplate.chatML(system: system), sha256)
  }
}
