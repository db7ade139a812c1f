/// All that a tokenizer is, whichever file it came from. Two files that tokenize alike give equal
/// definitions, and so one fingerprint.
struct TokenizerDefinition: Sendable {
  var kind: any TokenizerKind
  var model: any TokenModel
  var preTokenizer: any PreTokenizer
  var normalizer: any Normalizer
  var decoder: any TokenDecoder
  /// By id.
  var addedTokens: [AddedToken]
  /// What is put around a text.
  var frame: TextFrame
  /// The token that a response ends with.
  var endOfTextID: Int32?
  /// Every token that ends a response, sorted.
  var endIDs: [Int32]
  var template: ChatTemplate?
  /// SHA-256 of the file's Jinja text, in hexadecimal; nil without one.
  var templateSHA256: String?

  /// Spellings of tokens that end a text or a turn in the supported families.
  static let endSpellings = [
    "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>",
    "<end_of_turn>",
  ]
}

/// The parts of a definition as a file's reader finds them, before they are checked against each
/// other.
struct TokenizerParts {
  let kind: any TokenizerKind
  var file: String
  var section: any TokenModelSection
  var preTokenizer: any PreTokenizer
  var normalizer: any Normalizer
  var decoder: any TokenDecoder
  var addedTokens: [AddedToken]
  var frame = TextFrame()
  var endOfTextID: Int32?
  /// Further ids that the file says end a response.
  var endIDs: Set<Int32> = []
  var jinja: [UInt8]?

  /// The checked definition, in the form that does not depend on the kind of file.
  func definition() throws(TokenizerError) -> TokenizerDefinition {
    let added = addedTokens.sorted { $0.id < $1.id }
    let vocabulary = try Vocabulary(section.listed, gaps: Set(added.map(\.id)), file: file)
    try check(added, against: vocabulary)
    return TokenizerDefinition(
      kind: kind, model: try section.model(over: vocabulary, added: added, file: file),
      preTokenizer: preTokenizer, normalizer: normalizer, decoder: decoder, addedTokens: added,
      frame: frame, endOfTextID: endOfTextID, endIDs: allEndIDs(added).sorted(),
      template: jinja.flatMap { ChatTemplate(recognizing: $0) },
      templateSHA256: jinja.map { SHA256Text.hexadecimal($0) })
  }

  /// An id has one added token, and where the file lists the id too they are the same.
  private func check(
    _ added: [AddedToken], against vocabulary: Vocabulary
  ) throws(TokenizerError) {
    for (token, next) in zip(added, added.dropFirst()) where token.id == next.id {
      throw .malformed(
        file: file, item: "the id \(token.id)", expected: "one added token",
        found: "\(quoted(token.content)) and \(quoted(next.content))")
    }
    for token in added where vocabulary.spellings.indices.contains(Int(token.id)) {
      guard let spelling = vocabulary.spellings[Int(token.id)], spelling != token.content else {
        continue
      }
      throw .malformed(
        file: file, item: "the added token \(quoted(token.content))",
        expected: "the id of that token", found: "\(token.id), which is \(quoted(spelling))")
    }
  }

  private func allEndIDs(_ added: [AddedToken]) -> Set<Int32> {
    let spellings = Set(TokenizerDefinition.endSpellings.map { Array($0.utf8) })
    let turns = added.filter { $0.isSpecial && spellings.contains($0.content) }.map(\.id)
    return endIDs.union(turns).union(endOfTextID.map { [$0] } ?? [])
  }
}
