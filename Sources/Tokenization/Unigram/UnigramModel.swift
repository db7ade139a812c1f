import ModelFiles

/// A unigram model (Kudo 2018, arXiv 1804.10959): a word is cut into the tokens whose scores,
/// logarithms of their probabilities, have the greatest sum. A character without a token is the
/// tokens of its bytes, or the unknown token.
struct UnigramModel: CharacterModel {
  struct Settings: Sendable, Equatable {
    /// The token of what has none; nil where that is left out.
    var unknownID: Int32?
    /// Whether what has no token is written byte by byte.
    var fallsBack = false
  }

  /// How much less than the least of the tokens an unknown character scores.
  private static let unknownPenalty = 10.0

  let spellings: [[UInt8]?]
  let scores: [Double]
  let settings: Settings
  /// The tokens that text becomes.
  let trie: TokenTrie
  let bytes: [Int32]?
  let unknownScore: Double

  init(
    spellings: [[UInt8]?], scores: [Double], settings: Settings, added: [AddedToken],
    file: String
  ) throws(TokenizerError) {
    guard scores.count == spellings.count else {
      throw .malformed(
        file: file, item: "scores", expected: "\(spellings.count), one a token",
        found: String(scores.count))
    }
    if let id = scores.firstIndex(where: { !$0.isFinite }) {
      throw .malformed(
        file: file, item: "the score of token \(id)", expected: "a number",
        found: String(scores[id]))
    }
    if let unknownID = settings.unknownID, !spellings.indices.contains(Int(unknownID)) {
      throw .malformed(
        file: file, item: "the unknown token", expected: "a token of the vocabulary",
        found: "the id \(unknownID)")
    }
    self.spellings = spellings
    self.scores = scores
    self.settings = settings
    let matched = SentencePieceModel.joinable(
      spellings,
      SentencePieceModel.Settings(
        unknownID: settings.unknownID, fallsBack: settings.fallsBack), added)
    trie = TokenTrie(matched.map { $0?.isEmpty == true ? nil : $0 })
    bytes = settings.fallsBack ? BytePiece.tokens(in: spellings) : nil
    let least = zip(matched, scores).lazy.compactMap { $0 == nil ? nil : $1 }.min() ?? 0
    unknownScore = least - Self.unknownPenalty
  }

  var fallsBack: Bool { settings.fallsBack }

  func makeEncoder() -> UnigramEncoder { UnigramEncoder(self) }

  func writeSettings(_ writer: inout CanonicalJSON) {
    writer.member("unknownID", settings.unknownID)
    writer.member("fallsBack", settings.fallsBack)
  }

  func writeVocabulary(_ writer: inout CanonicalJSON) {
    writer.key("tokens")
    writer.list(spellings) { $0.value($1) }
    writer.key("scores")
    writer.list(scores) { $0.value($1) }
  }

  func writeHuggingFace(
    _ writer: inout CanonicalJSON, vocabulary: [(spelling: [UInt8], id: Int32)]
  ) -> Bool {
    // The section lists the tokens by their place.
    guard vocabulary.count == spellings.count else { return false }
    writer.member("type", "Unigram")
    writer.member("unk_id", settings.unknownID)
    writer.key("vocab")
    writer.list(vocabulary) { writer, token in
      writer.open("[")
      writer.element(token.spelling)
      writer.element(scores[Int(token.id)])
      writer.close("]")
    }
    writer.member("byte_fallback", settings.fallsBack)
    return true
  }
}

/// A unigram model at work: Viterbi's algorithm, one character after the other. From each no more
/// steps are taken than the longest token has bytes, so the time is linear in the text.
struct UnigramEncoder: CharacterEncoder {
  private let trie: TokenTrie
  private let scores: [Double]
  private let bytes: [Int32]?
  private let unknownID: Int32?
  private let unknownScore: Double

  /// The best way to each byte of a word: its score, and the last token with its beginning. -1 is a
  /// character without a token.
  private var best: [(score: Double, start: Int, token: Int32)] = []
  private var path: [(token: Int32, range: Range<Int>)] = []

  private(set) var stepCount = 0
  /// The runs of characters so far that have no token.
  private(set) var unknownCount = 0

  init(_ model: UnigramModel) {
    trie = model.trie
    scores = model.scores
    bytes = model.bytes
    unknownID = model.settings.unknownID
    unknownScore = model.unknownScore
  }

  mutating func encode(_ text: [UInt8], words: any PreTokenizer, into ids: inout [Int32]) {
    words.forEachWord(in: text) { word in
      look(text, word)
      write(text, word, into: &ids)
    }
  }

  private mutating func look(_ text: [UInt8], _ word: Range<Int>) {
    best.removeAll(keepingCapacity: true)
    best.append((0, 0, -1))
    for _ in word { best.append((-.infinity, -1, -1)) }
    var start = 0
    while start < word.count {
      let position = word.lowerBound + start
      let length = min(
        UTF8Text.scalar(in: text, at: position).length, word.upperBound - position)
      let isWhole = lookOn(text, position..<word.upperBound, start: start, character: length)
      if !isWhole { offer(best[start].score + unknownScore, start, start + length, -1) }
      start += length
    }
  }

  /// Offers every token that the text has in `range`. Whether one of them is its first character.
  private mutating func lookOn(
    _ text: [UInt8], _ range: Range<Int>, start: Int, character: Int
  ) -> Bool {
    var node = TokenTrie.root
    var isWhole = false
    for position in range {
      stepCount += 1
      guard let next = trie.child(of: node, text[position]) else { break }
      node = next
      let token = trie.token(at: node)
      guard token >= 0 else { continue }
      let length = position + 1 - range.lowerBound
      offer(best[start].score + scores[Int(token)], start, start + length, token)
      if length == character { isWhole = true }
    }
    return isWhole
  }

  private mutating func offer(_ score: Double, _ start: Int, _ end: Int, _ token: Int32) {
    // The first of equal ways stays.
    if best[end].start < 0 || score > best[end].score { best[end] = (score, start, token) }
  }

  private mutating func write(_ text: [UInt8], _ word: Range<Int>, into ids: inout [Int32]) {
    path.removeAll(keepingCapacity: true)
    var end = word.count
    while end > 0 {
      let (_, start, token) = best[end]
      let range = (word.lowerBound + start)..<(word.lowerBound + end)
      if token < 0, let last = path.last, last.token < 0 {
        // Unknown characters that follow each other are one.
        path[path.count - 1].range = range.lowerBound..<last.range.upperBound
      } else {
        path.append((token, range))
      }
      end = start
    }
    for (token, range) in path.reversed() {
      if token >= 0 {
        ids.append(token)
      } else if let bytes {
        ids += text[range].lazy.map { bytes[Int($0)] }
      } else {
        unknownCount += 1
        if let unknownID { ids.append(unknownID) }
      }
    }
  }
}
