/// The merges that a SentencePiece vocabulary implies.
///
/// SentencePiece has no list of merges: two tokens join where their spellings make a third, the one
/// of the highest score first and the leftmost among equals. Converters write that out for programs
/// that want a list, every way to cut every token in two.
struct PieceOrder {
  /// What each token that may join is, by id; nil for the others.
  private let spellings: [[UInt8]?]
  private let heads: TokenTrie
  /// The same spelled backwards.
  private let tails: TokenTrie

  init(_ spellings: [[UInt8]?]) {
    self.spellings = spellings
    heads = TokenTrie(spellings)
    tails = TokenTrie(spellings.map { $0.map { $0.reversed() } })
  }

  /// Every way to cut the token `id` in two tokens, the shortest left part first.
  func merges(into id: Int32) -> [MergeTable.Merge] {
    guard let spelling = spellings[Int(id)], spelling.count > 1 else { return [] }
    let length = spelling.count
    var lefts: [(end: Int, token: Int32)] = []
    var node = TokenTrie.root
    for end in 1..<length {
      guard let next = heads.child(of: node, spelling[end - 1]) else { break }
      node = next
      if heads.token(at: node) >= 0 { lefts.append((end, heads.token(at: node))) }
    }
    guard !lefts.isEmpty else { return [] }
    var rights = [Int32](repeating: -1, count: length)
    node = TokenTrie.root
    for start in (1..<length).reversed() {
      guard let next = tails.child(of: node, spelling[start]) else { break }
      node = next
      rights[start] = tails.token(at: node)
    }
    return lefts.compactMap { end, left in
      rights[end] < 0 ? nil : MergeTable.Merge(left: left, right: rights[end], result: id)
    }
  }

  /// The merges into all tokens, by id.
  func mergesByToken() -> [(id: Int32, merges: [MergeTable.Merge])] {
    spellings.indices.compactMap { index in
      let id = Int32(truncatingIfNeeded: index)
      let merges = merges(into: id)
      return merges.isEmpty ? nil : (id, merges)
    }
  }

  /// The order of tokens that `merges` spell out, all of them; nil where they are another list.
  func order(of merges: [MergeTable.Merge]) -> [Int32]? {
    var order: [Int32] = []
    var seen: Set<Int32> = []
    for merge in merges where order.last != merge.result {
      guard seen.insert(merge.result).inserted else { return nil }
      order.append(merge.result)
    }
    // No merge is there twice, and each is one of those implied: as many are the same.
    let implied = mergesByToken()
    guard implied.count == order.count,
      implied.reduce(0, { $0 + $1.merges.count }) == merges.count
    else { return nil }
    return order
  }
}
