import ModelFiles

/// SentencePiece's byte-pair encoding: every character is a token, and pairs of tokens join by
/// rank. A character without a token is the tokens of its bytes, or the unknown token.
struct SentencePieceModel: CharacterModel {
  struct Settings: Sendable, Equatable {
    /// The token of what has none; nil where that is left out.
    var unknownID: Int32?
    /// Whether characters without a token are written byte by byte.
    var fallsBack = true
    /// Whether unknown characters that follow each other are one unknown token.
    var fusesUnknown = true
    /// Whether a word that is a token as a whole is that token, whatever the merges say.
    var ignoresMerges = false
  }

  /// Which tokens join, and in what order.
  enum Joins: Sendable {
    /// Whatever makes a token, by the order of these tokens (``PieceOrder``).
    case order([Int32])
    /// What a file lists, where it is something else.
    case merges([MergeTable.Merge])
  }

  let spellings: [[UInt8]?]
  let settings: Settings
  let joins: Joins
  let merges: MergeTable
  /// The tokens of one character.
  let characters: TokenTrie
  /// The tokens of the bytes; nil where characters do not fall back to them.
  let bytes: [Int32]?
  let wholeWords: Vocabulary?

  /// - Parameter known: what the joins come to over these spellings, where that was derived already.
  init(
    spellings: [[UInt8]?], settings: Settings, joins: Joins, merges known: MergeTable? = nil,
    added: [AddedToken], file: String
  ) throws(TokenizerError) {
    if let unknownID = settings.unknownID {
      let isAdded = added.contains { $0.id == unknownID }
      guard
        isAdded || spellings.indices.contains(Int(unknownID)) && spellings[Int(unknownID)] != nil
      else {
        throw .malformed(
          file: file, item: "the unknown token", expected: "a token of the vocabulary",
          found: "the id \(unknownID)")
      }
    }
    self.spellings = spellings
    self.settings = settings
    self.joins = joins
    let joinable = Self.joinable(spellings, settings, added)
    if let known {
      merges = known
    } else {
      merges = try Self.merges(joins, among: joinable, file: file)
    }
    characters = TokenTrie(
      joinable.map { spelling in
        guard let spelling, let first = spelling.first else { return nil }
        let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        return spelling.count == length ? spelling : nil
      })
    bytes = settings.fallsBack ? BytePiece.tokens(in: spellings) : nil
    wholeWords =
      settings.ignoresMerges
      ? try Vocabulary(spellings: joinable, file: file) : nil
  }

  /// What joins come to among the spellings of the tokens that may join.
  private static func merges(
    _ joins: Joins, among joinable: [[UInt8]?], file: String
  ) throws(TokenizerError) -> MergeTable {
    switch joins {
    case .order(let order):
      var seen: Set<Int32> = []
      for id in order where !joinable.indices.contains(Int(id)) || !seen.insert(id).inserted {
        throw .malformed(
          file: file, item: "order", expected: "every token of the vocabulary once",
          found: "the id \(id)")
      }
      return try PieceOrder(joinable).table(order, file: file)
    case .merges(let listed):
      return try MergeTable(listed, file: file)
    }
  }

  /// The spellings of the tokens that text becomes by itself, by id: no special token, none that
  /// stands for a byte, not the unknown one.
  static func joinable(
    _ spellings: [[UInt8]?], _ settings: Settings, _ added: [AddedToken]
  ) -> [[UInt8]?] {
    var joinable = spellings
    for token in added where token.isSpecial && joinable.indices.contains(Int(token.id)) {
      joinable[Int(token.id)] = nil
    }
    if let unknownID = settings.unknownID, joinable.indices.contains(Int(unknownID)) {
      joinable[Int(unknownID)] = nil
    }
    guard settings.fallsBack else { return joinable }
    return joinable.map { spelling in
      spelling.flatMap { BytePiece.byte(of: $0) == nil ? $0 : nil }
    }
  }

  var fallsBack: Bool { settings.fallsBack }

  func makeEncoder() -> SentencePieceEncoder { SentencePieceEncoder(self) }

  func writeSettings(_ writer: inout CanonicalJSON) {
    writer.member("unknownID", settings.unknownID)
    writer.member("fallsBack", settings.fallsBack)
    writer.member("fusesUnknown", settings.fusesUnknown)
    writer.member("ignoresMerges", settings.ignoresMerges)
  }

  func writeVocabulary(_ writer: inout CanonicalJSON) {
    writer.key("tokens")
    writer.list(spellings) { $0.value($1) }
    switch joins {
    case .order(let order):
      writer.key("order")
      writer.list(order) { $0.value($1) }
    case .merges(let merges):
      writer.key("merges")
      writer.list(merges.flatMap { [$0.left, $0.right] }) { $0.value($1) }
    }
  }
}

extension SentencePieceModel {
  func writeHuggingFace(
    _ writer: inout CanonicalJSON, vocabulary: [(spelling: [UInt8], id: Int32)]
  ) -> Bool {
    let unknown = settings.unknownID.flatMap { id in vocabulary.first { $0.id == id }?.spelling }
    // The section names the unknown token by its spelling.
    guard (unknown == nil) == (settings.unknownID == nil) else { return false }
    writer.member("type", "BPE")
    writer.member("unk_token", unknown)
    writer.member("fuse_unk", settings.fusesUnknown)
    writer.member("byte_fallback", settings.fallsBack)
    writer.member("ignore_merges", settings.ignoresMerges)
    writer.member("vocab", vocabulary: vocabulary)
    writer.member("merges", merges: merges.merges, of: spellings)
    return true
  }
}

/// SentencePiece's byte-pair encoding at work.
struct SentencePieceEncoder: CharacterEncoder {
  private let characters: TokenTrie
  private let bytes: [Int32]?
  private let settings: SentencePieceModel.Settings
  private let wholeWords: Vocabulary?
  private var merger: BytePairMerger
  private var symbols: [Int32] = []

  /// The characters so far that have no token.
  private(set) var unknownCount = 0

  init(_ model: SentencePieceModel) {
    characters = model.characters
    bytes = model.bytes
    settings = model.settings
    wholeWords = model.wholeWords
    merger = BytePairMerger(merges: model.merges, byteTokens: [])
  }

  var stepCount: Int { merger.pairCount }

  mutating func encode(_ text: [UInt8], words: any PreTokenizer, into ids: inout [Int32]) {
    words.forEachWord(in: text) { encode(text, $0, into: &ids) }
  }

  private mutating func encode(_ text: [UInt8], _ word: Range<Int>, into ids: inout [Int32]) {
    if let id = wholeWords?.id(of: Array(text[word])) {
      ids.append(id)
      return
    }
    symbols.removeAll(keepingCapacity: true)
    var position = word.lowerBound
    var isUnknown = false
    while position < word.upperBound {
      let end = min(position + UTF8Text.scalar(in: text, at: position).length, word.upperBound)
      let character = text[position..<end]
      position = end
      if let node = characters.node(at: Array(character)), characters.token(at: node) >= 0 {
        symbols.append(characters.token(at: node))
        isUnknown = false
      } else if let bytes {
        symbols += character.lazy.map { bytes[Int($0)] }
        isUnknown = false
      } else {
        unknownCount += 1
        if let unknownID = settings.unknownID, !(settings.fusesUnknown && isUnknown) {
          symbols.append(unknownID)
        }
        isUnknown = true
      }
    }
    merger.encode(symbols: symbols, into: &ids)
  }
}
