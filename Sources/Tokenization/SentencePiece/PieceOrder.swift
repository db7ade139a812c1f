/// The merges that a SentencePiece vocabulary implies.
///
/// SentencePiece has no list of merges: two tokens join where their spellings make a third, the one
/// of the highest score first and the leftmost among equals. Converters write that out for programs
/// that want a list, every way to cut every token in two.
struct PieceOrder {
  /// Every way to cut a token in two tokens, the shortest left part first, by id.
  private let merges: [[MergeTable.Merge]]

  /// - Parameter spellings: what each token that may join is, by id; nil for the others.
  init(_ spellings: [[UInt8]?]) {
    let heads = TokenTrie(spellings)
    let tails = TokenTrie(spellings.map { $0.map { $0.reversed() } })
    merges = spellings.enumerated().map { index, spelling in
      guard let spelling else { return [] }
      return Self.merges(
        into: Int32(truncatingIfNeeded: index), spelling, heads: heads, tails: tails)
    }
  }

  /// - Parameter tails: the tokens spelled backwards.
  private static func merges(
    into id: Int32, _ spelling: [UInt8], heads: TokenTrie, tails: TokenTrie
  ) -> [MergeTable.Merge] {
    guard spelling.count > 1 else { return [] }
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

  /// The tokens that others join into, by id.
  var joined: [Int32] {
    merges.indices.filter { !merges[$0].isEmpty }.map { Int32(truncatingIfNeeded: $0) }
  }

  /// The merges into tokens, in the order of these, whose ids are of the vocabulary.
  func table(_ order: [Int32], file: String) throws(TokenizerError) -> MergeTable {
    try MergeTable(order.flatMap { merges[Int($0)] }, isGrouped: true, file: file)
  }

  /// The order of tokens that `listed` merges spell out, all of them; nil where they are another list.
  func order(of listed: [MergeTable.Merge]) -> [Int32]? {
    var order: [Int32] = []
    var seen: Set<Int32> = []
    for merge in listed where order.last != merge.result {
      guard seen.insert(merge.result).inserted else { return nil }
      order.append(merge.result)
    }
    // No merge is there twice, and each is one of those implied: as many are the same.
    guard joined.count == order.count, merges.reduce(0, { $0 + $1.count }) == listed.count
    else { return nil }
    return order
  }
}
