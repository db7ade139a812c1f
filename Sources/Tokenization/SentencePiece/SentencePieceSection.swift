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
    switch order {
    case .merges(let merges):
      joins = try Self.joins(merges, among: joinable, vocabulary, file: file)
    case .scores(let scores):
      // What a user defined is matched as it stands, and joins with nothing.
      for token in added where joinable.indices.contains(Int(token.id)) {
        joinable[Int(token.id)] = nil
      }
      joins = .order(Self.order(by: scores, among: joinable))
    }
    return try SentencePieceModel(
      spellings: Self.canonicalSpellings(vocabulary.spellings, joins, joinable, added),
      settings: settings, joins: joins, added: added, file: file)
  }

  /// The listed merges, as an order of tokens where that says the same. A merge that would make a
  /// special token out of text, or has one, is none.
  private static func joins(
    _ merges: [(left: [UInt8], right: [UInt8])], among joinable: [[UInt8]?],
    _ vocabulary: Vocabulary, file: String
  ) throws(TokenizerError) -> SentencePieceModel.Joins {
    var resolved = try BytePairSection.resolved(merges, in: vocabulary, file: file)
    resolved.removeAll { merge in
      [merge.left, merge.right, merge.result].contains { joinable[Int($0)] == nil }
    }
    _ = try MergeTable(resolved, file: file)
    return PieceOrder(joinable).order(of: resolved).map { .order($0) } ?? .merges(resolved)
  }

  private static func order(by scores: [Float], among joinable: [[UInt8]?]) -> [Int32] {
    PieceOrder(joinable).mergesByToken().map(\.id).sorted { left, right in
      let (first, second) = (scores[Int(left)], scores[Int(right)])
      return first == second ? left < right : first > second
    }
  }

  /// Files differ in whether they list added tokens among the others. An added token stays in the
  /// vocabulary only where merging can come upon it.
  private static func canonicalSpellings(
    _ spellings: [[UInt8]?], _ joins: SentencePieceModel.Joins, _ joinable: [[UInt8]?],
    _ added: [AddedToken]
  ) -> [[UInt8]?] {
    let merges =
      switch joins {
      case .order: PieceOrder(joinable).mergesByToken().flatMap(\.merges)
      case .merges(let merges): merges
      }
    let isMet = Set(merges.flatMap { [$0.left, $0.right, $0.result] })
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
