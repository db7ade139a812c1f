import ModelFiles

/// A template of the text, named `A`, and special tokens around it.
struct TemplateProcessing: PostProcessor {
  let type = "TemplateProcessing"

  /// Whether the tokenizer may put a token after the text, too.
  let closesTexts: Bool

  func apply(_ step: FieldReader, to frame: inout TextFrame) throws(TokenizerError) {
    var tokens: (before: [String?], after: [String?]) = ([], [])
    var seenText = false
    for value in try step.array("single") ?? [] {
      guard case .object(let object) = value, let (kind, content) = object.members.first else {
        throw step.mismatch("single", "an array of objects", value)
      }
      let name = try FieldReader(content, file: step.file, path: step.name("single"))
        .string("id")
      if kind == "Sequence" {
        seenText = true
      } else if seenText {
        tokens.after.append(name)
      } else {
        tokens.before.append(name)
      }
    }
    guard tokens.before.count <= 1, tokens.after.count <= (closesTexts ? 1 : 0) else {
      throw unsupported(step)
    }
    frame.beginID = try id(of: tokens.before.first ?? nil, step)
    frame.closingID = try id(of: tokens.after.first ?? nil, step)
  }

  private func id(of token: String?, _ step: FieldReader) throws(TokenizerError) -> Int32? {
    guard let token else { return nil }
    guard let token = try step.reader("special_tokens")?.reader(token),
      let ids = try token.array("ids"), ids.count == 1, case .integer(let id) = ids[0]
    else { throw unsupported(step) }
    return try FieldReader.tokenID(id, file: step.file, item: token.name("ids"))
  }

  private func unsupported(_ step: FieldReader) -> TokenizerError {
    .unsupported(
      file: step.file, item: step.name("single"),
      found: closesTexts
        ? "more than one token before or after the text" : "more than one token before the text",
      advice: closesTexts
        ? "use a tokenizer that adds at most one token before the text and one after it"
        : "use a tokenizer that adds at most a begin-of-text token")
  }
}
