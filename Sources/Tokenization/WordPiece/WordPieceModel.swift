/// WordPiece: a word is cut, from its beginning, into the longest tokens there are; those within a
/// word are spelled with a prefix. A word that does not come out, or is very long, is the unknown
/// token as a whole.
struct WordPieceModel: TokenModel {
  struct Settings: Sendable, Equatable {
    /// The token of a word that does not come out.
    let unknownID: Int32
    /// What tokens within a word begin with.
    let prefix: [UInt8]
    /// Words with more characters are unknown.
    let maximumCharacters: Int32
  }

  let spellings: [[UInt8]?]
  let settings: Settings
  let trie: TokenTrie

  init(spellings: [[UInt8]?], settings: Settings, file: String) throws(TokenizerError) {
    guard spellings.indices.contains(Int(settings.unknownID)),
      spellings[Int(settings.unknownID)] != nil
    else {
      throw .malformed(
        file: file, item: "the unknown token", expected: "a token of the vocabulary",
        found: "the id \(settings.unknownID)")
    }
    self.spellings = spellings
    self.settings = settings
    trie = TokenTrie(spellings)
  }

  /// Every byte is in some word, or dropped by the normaliser: what has no token is unknown.
  var missingBytes: [UInt8] { [] }

  func makeEncoder() -> WordPieceEncoder { WordPieceEncoder(self) }

  func piece(of spelling: [UInt8]) -> [UInt8] { spelling }

  func canEncode(_ text: [UInt8], words: any PreTokenizer) -> Bool {
    var encoder = makeEncoder()
    var ids: [Int32] = []
    encoder.encode(text, words: words, into: &ids)
    return !ids.contains(settings.unknownID)
  }

  func writeSettings(_ writer: inout CanonicalJSON) {
    writer.member("unknownID", settings.unknownID)
    writer.member("prefix", settings.prefix)
    writer.member("maximumCharacters", settings.maximumCharacters)
  }

  func writeVocabulary(_ writer: inout CanonicalJSON) {
    writer.key("tokens")
    writer.list(spellings) { $0.value($1) }
  }
}

/// WordPiece at work. Each token of a word takes as many steps as the vocabulary's longest token
/// has bytes, at the most, so the time is linear in the text.
struct WordPieceEncoder: WordEncoder {
  private let trie: TokenTrie
  private let settings: WordPieceModel.Settings
  /// Where tokens within a word begin; nil where the vocabulary has none.
  private let continuation: Int32?

  private(set) var stepCount = 0

  init(_ model: WordPieceModel) {
    trie = model.trie
    settings = model.settings
    continuation = model.trie.node(at: model.settings.prefix)
  }

  mutating func encode(_ text: [UInt8], words: any PreTokenizer, into ids: inout [Int32]) {
    words.forEachWord(in: text) { encode(text, $0, into: &ids) }
  }

  private mutating func encode(_ text: [UInt8], _ word: Range<Int>, into ids: inout [Int32]) {
    let count = ids.count
    var start = word.lowerBound
    if isShort(text, word) {
      while start < word.upperBound,
        let node = start == word.lowerBound ? TokenTrie.root : continuation,
        let (token, end) = longestToken(text, start..<word.upperBound, from: node)
      {
        ids.append(token)
        start = end
      }
    }
    if start < word.upperBound {
      ids.removeSubrange(count...)
      ids.append(settings.unknownID)
    }
  }

  /// The longest token that the text has in `range`, spelled from `node` on, with its end.
  private mutating func longestToken(
    _ text: [UInt8], _ range: Range<Int>, from node: Int32
  ) -> (token: Int32, end: Int)? {
    var node = node
    var best: (token: Int32, end: Int)?
    for position in range {
      stepCount += 1
      guard let next = trie.child(of: node, text[position]) else { break }
      node = next
      let token = trie.token(at: node)
      if token >= 0 { best = (token, position + 1) }
    }
    return best
  }

  /// Whether the word has no more characters than are allowed.
  private func isShort(_ text: [UInt8], _ word: Range<Int>) -> Bool {
    if word.count <= Int(settings.maximumCharacters) { return true }
    var characters = 0
    for position in word where text[position] & 0xC0 != 0x80 { characters += 1 }
    return characters <= Int(settings.maximumCharacters)
  }
}
