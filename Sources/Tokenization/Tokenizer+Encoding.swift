extension Tokenizer {
  /// The ids of `text`.
  ///
  /// - Parameters:
  ///   - special: whether special tokens spelled in the text become those tokens. Otherwise they
  ///     are text like any other, which is what text from a user has to be.
  ///   - addBegin: whether ``beginID`` comes first, where the tokenizer has one.
  public func encode(_ text: String, special: Bool = false, addBegin: Bool = true) -> [Int32] {
    encode(wellFormed: Array(text.utf8), special: special, addBegin: addBegin).ids
  }

  /// The same for bytes; ill-formed UTF-8 is read as U+FFFD.
  public func encode(utf8: [UInt8], special: Bool = false, addBegin: Bool = true) -> [Int32] {
    encode(wellFormed: UTF8Text.repaired(utf8), special: special, addBegin: addBegin).ids
  }

  /// Whether decoding the ids of `text` gives all of it back, up to normalisation: no byte of it
  /// is among ``missingBytes``.
  public func canEncode(_ text: String) -> Bool {
    definition.normalization.normalized(Array(text.utf8)).allSatisfy { byteTokens[Int($0)] >= 0 }
  }

  /// The pairs that encoding `text` puts into the merger's heap: the work it takes, to be bounded
  /// by a test where a clock would flicker.
  package func pairCount(encoding text: String) -> Int {
    encode(wellFormed: Array(text.utf8), special: false, addBegin: false).pairCount
  }

  private func encode(
    wellFormed text: [UInt8], special: Bool, addBegin: Bool
  ) -> (ids: [Int32], pairCount: Int) {
    var ids: [Int32] = []
    ids.reserveCapacity(text.count / 4 + 1)
    if addBegin, let beginID { ids.append(beginID) }
    var merger = BytePairMerger(merges: merges, byteTokens: byteTokens)
    for part in rawTokens.parts(of: text, special: special) {
      if let token = part.token {
        ids.append(token)
        continue
      }
      let normalized = definition.normalization.normalized(Array(text[part.range]))
      for part in normalizedTokens.parts(of: normalized, special: special) {
        if let token = part.token {
          ids.append(token)
        } else {
          encode(plain: Array(normalized[part.range]), with: &merger, into: &ids)
        }
      }
    }
    return (ids, merger.pairCount)
  }

  private func encode(
    plain text: [UInt8], with merger: inout BytePairMerger, into ids: inout [Int32]
  ) {
    definition.preTokenizer.forEachWord(in: text) { range in
      let word = text[range]
      if let id = wholeWords?.id(of: ByteAlphabet.spelling(of: word)) {
        ids.append(id)
      } else {
        merger.encode(word, into: &ids)
      }
    }
  }
}
