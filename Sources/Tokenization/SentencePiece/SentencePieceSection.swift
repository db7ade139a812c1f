import ModelFiles

/// A SentencePiece vocabulary of byte-pair encoding as a file says it.
struct SentencePieceSection: TokenModelSection {
  /// What a file orders the joins by.
  enum Order: Sendable {
    /// A list of merges, left and right, by rank.
    case merges([(left: [UInt8], right: [UInt8])])
    /// The tokens' scores by id, the highest first.
    case scores([Float])
  }

  let listed: [(spelling: [UInt8], id: Int64)]
  let order: Order
  let settings: SentencePieceModel.Settings

  init(
    listed: [(spelling: [UInt8], id: Int64)], order: Order, settings: SentencePieceModel.Settings
  ) {
    self.listed = listed
    self.order = order
    self.settings = settings
  }

  /// The `model` section of a `tokenizer.json`.
  init(_ model: FieldReader) throws(TokenizerError) {
    try BytePairSection.refuseVariants(model, advice: "use a SentencePiece tokenizer")
    listed = try model.vocabulary("vocab")
    order = .merges(try BytePairSection.merges(model))
    var settings = SentencePieceModel.Settings(
      fallsBack: try model.bool("byte_fallback") ?? false,
      fusesUnknown: try model.bool("fuse_unk") ?? false,
      ignoresMerges: try model.bool("ignore_merges") ?? false)
    if let unknown = try model.string("unk_token") {
      guard let (_, number) = listed.first(where: { $0.spelling.elementsEqual(unknown.utf8) })
      else {
        throw .malformed(
          file: model.file, item: model.name("unk_token"), expected: "a token of model.vocab",
          found: quoted(unknown))
      }
      settings.unknownID = try FieldReader.tokenID(
        number, file: model.file, item: "model.vocab[\(quoted(unknown))]")
    }
    self.settings = settings
  }

  func model(
    over vocabulary: Vocabulary, added: [AddedToken], file: String
  ) throws(TokenizerError) -> any TokenModel {
    var joinable = SentencePieceModel.joinable(vocabulary.spellings, settings, added)
    let joins: SentencePieceModel.Joins
    let merges: MergeTable
    switch order {
    case .merges(let listed):
      (joins, merges) = try Self.joins(listed, among: joinable, vocabulary, file: file)
    case .scores(let scores):
      // What a user defined is matched as it stands, and joins with nothing.
      for token in added where joinable.indices.contains(Int(token.id)) {
        joinable[Int(token.id)] = nil
      }
      let pieces = PieceOrder(joinable)
      let order = Self.order(pieces.joined, by: scores)
      (joins, merges) = (.order(order), try pieces.table(order, file: file))
    }
    // No spelling that is left out is of a merge: the merges are those of what is left, too.
    return try SentencePieceModel(
      spellings: Self.canonicalSpellings(vocabulary.spellings, merges, joinable, added),
      settings: settings, joins: joins, merges: merges, added: added, file: file)
  }

  /// The listed merges, as an order of tokens where that says the same. A merge that would make a
  /// special token out of text, or has one, is none.
  private static func joins(
    _ merges: [(left: [UInt8], right: [UInt8])], among joinable: [[UInt8]?],
    _ vocabulary: Vocabulary, file: String
  ) throws(TokenizerError) -> (SentencePieceModel.Joins, MergeTable) {
    var resolved = try BytePairSection.resolved(merges, in: vocabulary, file: file)
    resolved.removeAll { merge in
      [merge.left, merge.right, merge.result].contains { joinable[Int($0)] == nil }
    }
    let table = try MergeTable(resolved, file: file)
    let pieces = PieceOrder(joinable)
    guard let order = pieces.order(of: resolved) else { return (.merges(resolved), table) }
    return (.order(order), try pieces.table(order, file: file))
  }

  private static func order(_ tokens: [Int32], by scores: [Float]) -> [Int32] {
    tokens.sorted { left, right in
      let (first, second) = (scores[Int(left)], scores[Int(right)])
      return first == second ? left < right : first > second
    }
  }

  /// Files differ in whether they list added tokens among the others. An added token stays in the
  /// vocabulary only where merging can come upon it.
  private static func canonicalSpellings(
    _ spellings: [[UInt8]?], _ merges: MergeTable, _ joinable: [[UInt8]?], _ added: [AddedToken]
  ) -> [[UInt8]?] {
    let isMet = Set(merges.merges.flatMap { [$0.left, $0.right, $0.result] })
    var spellings = spellings
    for token in added where spellings.indices.contains(Int(token.id)) {
      let isCharacter = joinable[Int(token.id)].map { Self.isCharacter($0) } ?? false
      if !isMet.contains(token.id), !isCharacter { spellings[Int(token.id)] = nil }
    }
    return spellings
  }

  private static func isCharacter(_ spelling: [UInt8]) -> Bool {
    !spelling.isEmpty && UTF8Text.scalar(in: spelling, at: 0).length == spelling.count
  }
}
