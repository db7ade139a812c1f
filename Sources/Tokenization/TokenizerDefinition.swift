/// All that a tokenizer is, whichever file it came from. Two files that tokenize alike give equal
/// definitions, and so one fingerprint.
struct TokenizerDefinition: Sendable {
  /// By id, the spelling in the byte-level alphabet, UTF-8; no two are equal. Nil where only an
  /// added token is.
  var spellings: [[UInt8]?]
  /// By rank.
  var merges: [MergeTable.Merge]
  /// Whether a word that is a token as a whole is that token, whatever the merges say.
  var ignoresMerges: Bool
  var preTokenizer: PreTokenizer
  var normalization: Normalization
  /// By id.
  var addedTokens: [AddedToken]
  /// The token put before a text; nil where the tokenizer adds none.
  var beginID: Int32?
  /// The token that a response ends with.
  var endOfTextID: Int32?
  /// Every token that ends a response, sorted.
  var endIDs: [Int32]
  var template: ChatTemplate?
  /// SHA-256 of the file's Jinja text, in hexadecimal; nil without one.
  var templateSHA256: String?

  /// Spellings of tokens that end a text or a turn in the supported families.
  static let endSpellings = ["<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>"]
}

/// The parts of a definition as a file's reader finds them, before they are checked against each
/// other.
struct TokenizerParts {
  var file: String
  /// The tokens the file lists, in any order.
  var listed: [(spelling: [UInt8], id: Int64)]
  /// The merges' spellings, left and right, by rank.
  var merges: [(left: [UInt8], right: [UInt8])]
  var ignoresMerges = false
  var preTokenizer: PreTokenizer
  var normalization: Normalization
  var addedTokens: [AddedToken]
  var beginID: Int32?
  var endOfTextID: Int32?
  /// Further ids that the file says end a response.
  var endIDs: Set<Int32> = []
  var jinja: [UInt8]?

  /// The checked definition, in the form that does not depend on the kind of file.
  func definition() throws(TokenizerError) -> TokenizerDefinition {
    let added = addedTokens.sorted { $0.id < $1.id }
    let listing = try Vocabulary(listed, gaps: Set(added.map(\.id)), file: file)
    try check(added, against: listing)
    let merges = try resolvedMerges(in: listing)
    return TokenizerDefinition(
      spellings: canonicalSpellings(listing, merges: merges, added: added), merges: merges,
      ignoresMerges: ignoresMerges, preTokenizer: preTokenizer, normalization: normalization,
      addedTokens: added, beginID: beginID, endOfTextID: endOfTextID,
      endIDs: allEndIDs(added).sorted(),
      template: jinja.flatMap { ChatTemplate(recognizing: $0) },
      templateSHA256: jinja.map { SHA256Text.hexadecimal($0) })
  }

  /// An id has one added token, and where the file lists the id too they are the same.
  private func check(
    _ added: [AddedToken], against listing: Vocabulary
  ) throws(TokenizerError) {
    for (token, next) in zip(added, added.dropFirst()) where token.id == next.id {
      throw .malformed(
        file: file, item: "the id \(token.id)", expected: "one added token",
        found: "\(quoted(token.content)) and \(quoted(next.content))")
    }
    for token in added where listing.spellings.indices.contains(Int(token.id)) {
      guard let spelling = listing.spellings[Int(token.id)], spelling != token.content else {
        continue
      }
      throw .malformed(
        file: file, item: "the added token \(quoted(token.content))",
        expected: "the id of that token", found: "\(token.id), which is \(quoted(spelling))")
    }
  }

  private func resolvedMerges(
    in vocabulary: Vocabulary
  ) throws(TokenizerError) -> [MergeTable.Merge] {
    var resolved: [MergeTable.Merge] = []
    resolved.reserveCapacity(merges.count)
    for (rank, merge) in merges.enumerated() {
      guard let left = vocabulary.id(of: merge.left), let right = vocabulary.id(of: merge.right)
      else {
        let unknown = vocabulary.id(of: merge.left) == nil ? merge.left : merge.right
        throw .malformed(
          file: file, item: "merge \(rank)", expected: "tokens of the vocabulary",
          found: quoted(unknown))
      }
      resolved.append(try vocabulary.merge(left, right, rank: rank, file: file))
    }
    return resolved
  }

  /// Files differ in whether they list added tokens among the others. An added token stays in the
  /// vocabulary only where merging can come upon it.
  private func canonicalSpellings(
    _ listing: Vocabulary, merges: [MergeTable.Merge], added: [AddedToken]
  ) -> [[UInt8]?] {
    guard !ignoresMerges else { return listing.spellings }
    var isMet = Set(ByteAlphabet.spellings.compactMap { listing.id(of: $0) })
    let addedIDs = Set(added.map(\.id))
    for merge in merges {
      for id in [merge.left, merge.right, merge.result] where addedIDs.contains(id) {
        isMet.insert(id)
      }
    }
    var spellings = listing.spellings
    for id in addedIDs.subtracting(isMet) where spellings.indices.contains(Int(id)) {
      spellings[Int(id)] = nil
    }
    return spellings
  }

  private func allEndIDs(_ added: [AddedToken]) -> Set<Int32> {
    let spellings = Set(TokenizerDefinition.endSpellings.map { Array($0.utf8) })
    let turns = added.filter { $0.isSpecial && spellings.contains($0.content) }.map(\.id)
    return endIDs.union(turns).union(endOfTextID.map { [$0] } ?? [])
  }
}
