import ModelFiles

/// Vocabulary and merges of a byte-level BPE as a file says them.
struct BytePairSection: TokenModelSection {
  let listed: [(spelling: [UInt8], id: Int64)]
  /// The merges' spellings, left and right, by rank.
  let merges: [(left: [UInt8], right: [UInt8])]
  /// Whether a word that is a token as a whole is that token, whatever the merges say.
  let ignoresMerges: Bool

  init(
    listed: [(spelling: [UInt8], id: Int64)], merges: [(left: [UInt8], right: [UInt8])],
    ignoresMerges: Bool
  ) {
    self.listed = listed
    self.merges = merges
    self.ignoresMerges = ignoresMerges
  }

  /// The `model` section of a `tokenizer.json`.
  init(_ model: FieldReader) throws(TokenizerError) {
    try Self.refuseVariants(model, advice: "use a byte-level BPE tokenizer")
    listed = try model.vocabulary("vocab")
    merges = try Self.merges(model)
    ignoresMerges = try model.bool("ignore_merges") ?? false
    try Self.checkUnknown(model, listed: listed)
  }

  func model(
    over vocabulary: Vocabulary, added: [AddedToken], file: String
  ) throws(TokenizerError) -> any TokenModel {
    let merges = try Self.resolved(merges, in: vocabulary, file: file)
    return try BytePairModel(
      spellings: canonicalSpellings(vocabulary, merges: merges, added: added), merges: merges,
      ignoresMerges: ignoresMerges, file: file)
  }

  /// `merges` by the ids that `vocabulary` has for their spellings.
  static func resolved(
    _ merges: [(left: [UInt8], right: [UInt8])], in vocabulary: Vocabulary, file: String
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
    _ vocabulary: Vocabulary, merges: [MergeTable.Merge], added: [AddedToken]
  ) -> [[UInt8]?] {
    guard !ignoresMerges else { return vocabulary.spellings }
    var isMet = Set(ByteAlphabet.spellings.compactMap { vocabulary.id(of: $0) })
    let addedIDs = Set(added.map(\.id))
    for merge in merges {
      for id in [merge.left, merge.right, merge.result] where addedIDs.contains(id) {
        isMet.insert(id)
      }
    }
    var spellings = vocabulary.spellings
    for id in addedIDs.subtracting(isMet) where spellings.indices.contains(Int(id)) {
      spellings[Int(id)] = nil
    }
    return spellings
  }

  // MARK: - The `model` section

  /// Refuses what no kind of byte-pair encoding here has.
  static func refuseVariants(_ model: FieldReader, advice: String) throws(TokenizerError) {
    switch model.value("dropout") {
    case nil, .integer(0)?, .number(0)?: break
    case let dropout?:
      throw .unsupported(
        file: model.file, item: "model.dropout", found: dropout.summary,
        advice: "set it to null: encoding would be random")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = try model.string(key), !affix.isEmpty {
        throw .unsupported(
          file: model.file, item: model.name(key), found: quoted(affix), advice: advice)
      }
    }
  }

  /// `byte_fallback` and `unk_token` speak only where a byte has no token.
  private static func checkUnknown(
    _ model: FieldReader, listed: [(spelling: [UInt8], id: Int64)]
  ) throws(TokenizerError) {
    let fallsBack = try model.bool("byte_fallback") ?? false
    let unknown = try model.string("unk_token")
    guard fallsBack || unknown != nil else { return }
    let known = Set(listed.lazy.map(\.spelling).filter { $0.count <= 2 })
    let missing = ByteAlphabet.spellings.indices.first {
      UTF8Text.occurs(UInt8($0)) && !known.contains(ByteAlphabet.spellings[$0])
    }
    guard let missing else { return }
    throw .unsupported(
      file: model.file, item: fallsBack ? "model.byte_fallback" : "model.unk_token",
      found: "set while byte \(missing) has no token", advice: "use a byte-level BPE tokenizer")
  }

  /// The merges of a `model` section, left and right, by rank.
  static func merges(
    _ model: FieldReader
  ) throws(TokenizerError) -> [(left: [UInt8], right: [UInt8])] {
    let value = try model.required("merges")
    guard case .array(let values) = value else {
      throw model.mismatch("merges", "an array of pairs", value)
    }
    var merges: [(left: [UInt8], right: [UInt8])] = []
    merges.reserveCapacity(values.count)
    for (rank, value) in values.enumerated() {
      switch value {
      case .array(let pair) where pair.count == 2:
        guard case .string(let left) = pair[0], case .string(let right) = pair[1] else { break }
        merges.append((Array(left.utf8), Array(right.utf8)))
        continue
      case .string(let text):
        if rank == 0, text.utf8.starts(with: "#version".utf8) { continue }
        guard let pair = MergeText.pair(Array(text.utf8)) else { break }
        merges.append(pair)
        continue
      default: break
      }
      throw .malformed(
        file: model.file, item: "model.merges[\(rank)]", expected: "two tokens",
        found: value.summary)
    }
    return merges
  }
}

extension BytePairSection {
  /// The merges of a GGUF file.
  static func merges(
    _ gguf: GGUFFields
  ) throws(TokenizerError) -> [(left: [UInt8], right: [UInt8])] {
    var merges: [(left: [UInt8], right: [UInt8])] = []
    for (rank, line) in try gguf.strings("tokenizer.ggml.merges").enumerated() {
      guard let pair = MergeText.pair(line) else {
        throw .malformed(
          file: gguf.file, item: "tokenizer.ggml.merges[\(rank)]",
          expected: "two tokens with a space between", found: quoted(line))
      }
      merges.append(pair)
    }
    return merges
  }
}

/// Merges as one line of text: two tokens with a space between them.
enum MergeText {
  static func pair(_ line: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
    let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    return (Array(parts[0]), Array(parts[1]))
  }
}
