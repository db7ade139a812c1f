/// Cuts text at added tokens: the leftmost match wins, among those the longest.
struct AddedTokenMatcher: Sendable {
  /// A part of the text: a token where `token` is set, plain text elsewhere.
  struct Part {
    let range: Range<Int>
    let token: Int32?
  }

  /// A trie in one dictionary: (node, byte) to node. Nodes are numbered as they are made, 0 is
  /// the root.
  private var edges: [Edge: Int] = [:]
  private var tokens: [AddedToken?] = [nil]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  private struct Edge: Hashable {
    let node: Int
    let byte: UInt8
  }

  /// `spell` gives the bytes to look for: the content itself, or the content normalised.
  init(_ added: [AddedToken], spell: ([UInt8]) -> [UInt8]) {
    for token in added {
      var node = 0
      let pattern = spell(token.content)
      guard let first = pattern.first else { continue }
      isFirstByte[Int(first)] = true
      for byte in pattern {
        let edge = Edge(node: node, byte: byte)
        if let next = edges[edge] {
          node = next
        } else {
          edges[edge] = tokens.count
          node = tokens.count
          tokens.append(nil)
        }
      }
      tokens[node] = token
    }
  }

  var isEmpty: Bool { edges.isEmpty }

  /// The parts of `text`, in order, none empty. `special` says whether special tokens match.
  func parts(of text: [UInt8], special: Bool) -> [Part] {
    var parts: [Part] = []
    var written = 0
    var position = 0
    while position < text.count {
      guard isFirstByte[Int(text[position])],
        let (token, end) = longestMatch(in: text, at: position, special: special)
      else {
        position += 1
        continue
      }
      if token.isSingleWord, isWord(text, before: position) || isWord(text, at: end) {
        position = end
        continue
      }
      var start = position
      var stop = end
      if token.stripsLeft { start = UTF8Text.spaceStart(text, before: start, from: written) }
      if token.stripsRight { stop = UTF8Text.spaceEnd(text, from: stop) }
      if written < start { parts.append(Part(range: written..<start, token: nil)) }
      parts.append(Part(range: start..<stop, token: token.id))
      written = stop
      position = stop
    }
    if written < text.count { parts.append(Part(range: written..<text.count, token: nil)) }
    return parts
  }

  private func longestMatch(
    in text: [UInt8], at start: Int, special: Bool
  ) -> (AddedToken, end: Int)? {
    var node = 0
    var best: (AddedToken, end: Int)?
    for position in start..<text.count {
      guard let next = edges[Edge(node: node, byte: text[position])] else { break }
      node = next
      if let token = tokens[node], special || !token.isSpecial { best = (token, position + 1) }
    }
    return best
  }

  // MARK: - What stands beside a match

  private func isWord(_ text: [UInt8], before end: Int) -> Bool {
    end > 0 && UTF8Text.scalar(in: text, before: end).scalar.isWordCharacter
  }

  private func isWord(_ text: [UInt8], at start: Int) -> Bool {
    start < text.count && UTF8Text.scalar(in: text, at: start).scalar.isWordCharacter
  }
}

extension Unicode.Scalar {
  /// Whether it is `\w` as Unicode's regular expressions (UTS 18, annex C) define it.
  fileprivate var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: false
    }
  }
}
