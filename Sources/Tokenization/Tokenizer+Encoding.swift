extension Tokenizer {
  /// The ids of `text`.
  ///
  /// - Parameters:
  ///   - special: whether special tokens spelled in the text become those tokens. Otherwise they
  ///     are text like any other, which is what text from a user has to be.
  ///   - framed: whether `text` is all that a model reads at once, so that ``beginID`` comes before
  ///     it and ``closingID`` after it, where the tokenizer has them. A part of a longer text, or a
  ///     response, is not.
  public func encode(_ text: String, special: Bool = false, framed: Bool = true) -> [Int32] {
    encode(wellFormed: Array(text.utf8), special: special, framed: framed).ids
  }

  /// The same for bytes; ill-formed UTF-8 is read as U+FFFD.
  public func encode(utf8: [UInt8], special: Bool = false, framed: Bool = true) -> [Int32] {
    encode(wellFormed: UTF8Text.repaired(utf8), special: special, framed: framed).ids
  }

  /// Whether all of `text` has tokens: no byte of it is among ``missingBytes``, no word of it is
  /// the unknown token.
  public func canEncode(_ text: String) -> Bool {
    definition.model.canEncode(
      definition.normalizer.normalized(Array(text.utf8)), words: definition.preTokenizer)
  }

  /// The words that `text` is cut into, normalised, where nothing in it is an added token.
  package func words(of text: String) -> [String] {
    let normalized = definition.normalizer.normalized(Array(text.utf8))
    var words: [String] = []
    definition.preTokenizer.forEachWord(in: normalized) {
      words.append(String(decoding: normalized[$0], as: UTF8.self))
    }
    return words
  }

  /// The steps that the model takes to encode `text`, to be bounded by a test where a clock would
  /// flicker.
  package func stepCount(encoding text: String) -> Int {
    encode(wellFormed: Array(text.utf8), special: false, framed: false).stepCount
  }

  private func encode(
    wellFormed text: [UInt8], special: Bool, framed: Bool
  ) -> (ids: [Int32], stepCount: Int) {
    var ids: [Int32] = []
    ids.reserveCapacity(text.count / 4 + 2)
    if framed, let beginID { ids.append(beginID) }
    let stepCount = encode(text, special: special, with: definition.model, into: &ids)
    if framed, let closingID { ids.append(closingID) }
    return (ids, stepCount)
  }

  /// Appends the ids of `text` and gives the steps taken.
  private func encode(
    _ text: [UInt8], special: Bool, with model: some TokenModel, into ids: inout [Int32]
  ) -> Int {
    var encoder = model.makeEncoder()
    for part in rawTokens.parts(of: text, special: special) {
      if let token = part.token {
        ids.append(token)
        continue
      }
      let normalized = definition.normalizer.normalized(Array(text[part.range]))
      if normalizedTokens.isEmpty {
        encoder.encode(normalized, words: definition.preTokenizer, into: &ids)
        continue
      }
      for part in normalizedTokens.parts(of: normalized, special: special) {
        if let token = part.token {
          ids.append(token)
        } else {
          encoder.encode(
            Array(normalized[part.range]), words: definition.preTokenizer, into: &ids)
        }
      }
    }
    return encoder.stepCount
  }
}
