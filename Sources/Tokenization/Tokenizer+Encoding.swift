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
    definition.model.canEncode(marked(text), words: definition.preTokenizer)
  }

  /// The words that `text` is cut into, normalised, where nothing in it is an added token.
  package func words(of text: String) -> [String] {
    let marked = marked(text)
    var words: [String] = []
    definition.preTokenizer.forEachWord(in: marked) {
      words.append(String(decoding: marked[$0], as: UTF8.self))
    }
    return words
  }

  /// `text` as words are cut out of it, where nothing in it is an added token.
  private func marked(_ text: String) -> [UInt8] {
    definition.preTokenizer.marked(
      definition.normalizer.normalized(Array(text.utf8)), isFirst: true)
  }

  /// The steps that the model takes to encode `text`, to be bounded by a test where a clock would
  /// flicker.
  package func stepCount(encoding text: String) -> Int {
    encode(wellFormed: Array(text.utf8), special: false, framed: false).stepCount
  }

  /// The ids of a text in which some tokens are given as such, the only special ones in it.
  ///
  /// They are what the whole text's would be with these tokens spelled in it: white space beside
  /// a token that strips it goes, and only what the text begins with is at its beginning.
  func encode(_ parts: [TextPart]) -> [Int32] {
    var ids: [Int32] = []
    var isFirst = true
    for (index, part) in parts.enumerated() {
      switch part {
      case .token(let id):
        ids.append(id)
        isFirst = false
      case .text(let text):
        let before = index > 0 ? parts[index - 1].token : nil
        let after = index + 1 < parts.count ? parts[index + 1].token : nil
        var bytes = Array(text.utf8)[...]
        if let before, addedToken(before)?.stripsRight == true {
          bytes = bytes[UTF8Text.spaceEnd(Array(bytes), from: 0)...]
        }
        if let after, addedToken(after)?.stripsLeft == true {
          let kept = Array(bytes)
          bytes = kept[..<UTF8Text.spaceStart(kept, before: kept.count, from: 0)]
        }
        _ = encode(
          Array(bytes), special: false, isFirst: isFirst, with: definition.model, into: &ids)
        if !text.isEmpty { isFirst = false }
      }
    }
    return ids
  }

  private func encode(
    wellFormed text: [UInt8], special: Bool, framed: Bool
  ) -> (ids: [Int32], stepCount: Int) {
    var ids: [Int32] = []
    ids.reserveCapacity(text.count / 4 + 2)
    if framed, let beginID { ids.append(beginID) }
    let stepCount = encode(
      text, special: special, isFirst: true, with: definition.model, into: &ids)
    if framed, let closingID { ids.append(closingID) }
    return (ids, stepCount)
  }

  /// Appends the ids of `text`, which what is encoded begins with or not, and gives the steps
  /// taken.
  private func encode(
    _ text: [UInt8], special: Bool, isFirst: Bool, with model: some TokenModel,
    into ids: inout [Int32]
  ) -> Int {
    var encoder = model.makeEncoder()
    let words = definition.preTokenizer
    for part in rawTokens.parts(of: text, special: special) {
      if let token = part.token {
        ids.append(token)
        continue
      }
      let isFirst = isFirst && part.range.lowerBound == 0
      let normalized = definition.normalizer.normalized(Array(text[part.range]))
      if normalizedTokens.isEmpty {
        encoder.encode(words.marked(normalized, isFirst: isFirst), words: words, into: &ids)
        continue
      }
      for part in normalizedTokens.parts(of: normalized, special: special) {
        if let token = part.token {
          ids.append(token)
        } else {
          let marked = words.marked(
            Array(normalized[part.range]), isFirst: isFirst && part.range.lowerBound == 0)
          encoder.encode(marked, words: words, into: &ids)
        }
      }
    }
    return encoder.stepCount
  }
}

/// A part of a text: a token by its id, or text that is read for no special token.
enum TextPart {
  case token(Int32)
  case text(String)

  var token: Int32? {
    if case .token(let id) = self { id } else { nil }
  }
}
