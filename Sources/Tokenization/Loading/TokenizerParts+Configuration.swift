import ModelFiles

extension TokenizerParts {
  /// Applies a `tokenizer_config.json`: begin and end tokens, added tokens with their flags, and
  /// the chat template. As in transformers its word on added tokens and on `add_bos_token` comes
  /// after `tokenizer.json`'s. `clean_up_tokenization_spaces` is not applied: decoding is exact.
  mutating func apply(configuration bytes: [UInt8], file: String) throws(TokenizerError) {
    let root = try FieldReader(try JSONValue.parsed(bytes, file: file), file: file)
    try kind.check(configuration: root, self)
    try checkPrefix(root)
    try root.refuse("add_eos_token", advice: "use a tokenizer that adds nothing after the text")
    try applyAddedTokens(root)
    if let end = try tokenText(root, "eos_token") {
      endOfTextID = try specialID(end, file: file, item: "eos_token")
    }
    if let adds = try root.bool("add_bos_token") {
      frame.beginID = nil
      if adds, let begin = try tokenText(root, "bos_token") {
        frame.beginID = try specialID(begin, file: file, item: "bos_token")
      }
    }
    jinja = try chatTemplate(root) ?? jinja
  }

  /// Older files name the space before the text here, too; what they say must be what is done.
  private func checkPrefix(_ root: FieldReader) throws(TokenizerError) {
    let addsSpace = normalizer.addsSpace || preTokenizer.addsSpace
    guard let said = try root.bool("add_prefix_space"), said != addsSpace else { return }
    throw .unsupported(
      file: root.file, item: "add_prefix_space", found: String(said),
      advice: said
        ? "use a tokenizer that adds no space to the text"
        : "remove it: \(file) puts a space before the text")
  }

  private mutating func applyAddedTokens(_ root: FieldReader) throws(TokenizerError) {
    guard let section = try root.reader("added_tokens_decoder") else { return }
    var byID: [Int32: Int] = [:]
    for (index, token) in addedTokens.enumerated() { byID[token.id] = index }
    for (key, value) in section.object.members {
      let fields = try FieldReader(value, file: root.file, path: section.name(key))
      guard let number = Int64(key) else {
        throw .malformed(
          file: root.file, item: fields.path, expected: "a token id as key", found: quoted(key))
      }
      let id = try FieldReader.tokenID(number, file: root.file, item: fields.path)
      let token = try AddedToken(fields, id: id)
      guard let index = byID[id] else {
        byID[id] = addedTokens.count
        addedTokens.append(token)
        continue
      }
      guard addedTokens[index].content == token.content else {
        throw .malformed(
          file: root.file, item: fields.path, expected: quoted(addedTokens[index].content),
          found: quoted(token.content))
      }
      addedTokens[index] = token
    }
  }

  /// A token that is named as a string or as an object with `content`.
  private func tokenText(_ root: FieldReader, _ key: String) throws(TokenizerError) -> [UInt8]? {
    switch root.value(key) {
    case nil: return nil
    case .string(let text)?: return Array(text.utf8)
    case let value?:
      guard
        let text = try FieldReader(value, file: root.file, path: root.name(key)).string("content")
      else { throw .missing(file: root.file, item: root.name(key) + ".content") }
      return Array(text.utf8)
    }
  }

  /// The id of the special token `text`. A token of the vocabulary that is named as special
  /// becomes an added token, as it does in transformers.
  mutating func specialID(
    _ text: [UInt8], file: String, item: String
  ) throws(TokenizerError) -> Int32 {
    if let token = addedTokens.first(where: { $0.content == text }) { return token.id }
    guard let (_, number) = section.listed.first(where: { $0.spelling == text }) else {
      throw .malformed(
        file: file, item: item, expected: "a token of the vocabulary", found: quoted(text))
    }
    let id = try FieldReader.tokenID(number, file: file, item: item)
    addedTokens.append(AddedToken(id: id, content: text, isSpecial: true))
    return id
  }

  /// The Jinja text: a string, or the one called `default` in a list.
  private func chatTemplate(_ root: FieldReader) throws(TokenizerError) -> [UInt8]? {
    guard case .array(let values)? = root.value("chat_template") else {
      return try root.string("chat_template").map { Array($0.utf8) }
    }
    for (index, value) in values.enumerated() {
      let fields = try FieldReader(value, file: root.file, path: "chat_template[\(index)]")
      if try fields.string("name") == "default" {
        return try fields.string("template").map { Array($0.utf8) }
      }
    }
    return nil
  }
}
