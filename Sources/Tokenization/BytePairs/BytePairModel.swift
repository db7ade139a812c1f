/// Byte-level byte-pair encoding: every byte is a token, and pairs of tokens join by rank.
struct BytePairModel: TokenModel {
  /// By id, in the byte-level alphabet.
  let spellings: [[UInt8]?]
  let merges: MergeTable
  /// Whether a word that is a token as a whole is that token, whatever the merges say.
  let ignoresMerges: Bool
  /// The token of each byte, -1 where there is none.
  let byteTokens: [Int32]
  /// The tokens that a whole word may be whatever the merges say; nil where none may.
  let wholeWords: Vocabulary?

  init(
    spellings: [[UInt8]?], merges: [MergeTable.Merge], ignoresMerges: Bool, file: String
  ) throws(TokenizerError) {
    self.spellings = spellings
    self.merges = try MergeTable(merges, file: file)
    self.ignoresMerges = ignoresMerges
    wholeWords = ignoresMerges ? try Vocabulary(spellings: spellings, file: file) : nil
    var byteTokens = [Int32](repeating: -1, count: 256)
    for (id, spelling) in spellings.enumerated() {
      guard let spelling, spelling.count <= 2 else { continue }
      let bytes = ByteAlphabet.bytes(of: spelling)
      if bytes.count == 1, spelling == ByteAlphabet.spellings[Int(bytes[0])] {
        byteTokens[Int(bytes[0])] = Int32(truncatingIfNeeded: id)
      }
    }
    self.byteTokens = byteTokens
  }

  var missingBytes: [UInt8] {
    byteTokens.indices.filter { byteTokens[$0] < 0 }.map { UInt8($0) }
  }

  func makeEncoder() -> BytePairEncoder { BytePairEncoder(self) }

  func piece(of spelling: [UInt8]) -> [UInt8] { ByteAlphabet.bytes(of: spelling) }

  func canEncode(_ text: [UInt8], words: any PreTokenizer) -> Bool {
    text.allSatisfy { byteTokens[Int($0)] >= 0 }
  }

  func writeSettings(_ writer: inout CanonicalJSON) {
    writer.member("ignoresMerges", ignoresMerges)
  }

  func writeVocabulary(_ writer: inout CanonicalJSON) {
    writer.key("tokens")
    writer.list(spellings) { $0.value($1) }
    writer.key("merges")
    writer.list(merges.merges.flatMap { [$0.left, $0.right] }) { $0.value($1) }
  }
}

extension BytePairModel {
  func writeHuggingFace(
    _ writer: inout CanonicalJSON, vocabulary: [(spelling: [UInt8], id: Int32)]
  ) -> Bool {
    writer.member("type", "BPE")
    writer.member("ignore_merges", ignoresMerges)
    writer.member("vocab", vocabulary: vocabulary)
    writer.member("merges", merges: merges.merges, of: spellings)
    return true
  }
}

/// Byte-pair encoding at work.
struct BytePairEncoder: WordEncoder {
  private let wholeWords: Vocabulary?
  private var merger: BytePairMerger

  init(_ model: BytePairModel) {
    wholeWords = model.wholeWords
    merger = BytePairMerger(merges: model.merges, byteTokens: model.byteTokens)
  }

  var stepCount: Int { merger.pairCount }

  mutating func encode(_ text: [UInt8], words: any PreTokenizer, into ids: inout [Int32]) {
    guard let wholeWords else {
      words.forEachWord(in: text) { merger.encode(text[$0], into: &ids) }
      return
    }
    words.forEachWord(in: text) { range in
      let word = text[range]
      if let id = wholeWords.id(of: ByteAlphabet.spelling(of: word)) {
        ids.append(id)
      } else {
        merger.encode(word, into: &ids)
      }
    }
  }
}
