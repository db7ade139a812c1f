/// Byte-pair encoding of one word at a time.
///
/// The best pair, lowest rank first and leftmost among equals, is joined until none is left. The
/// word is a linked list and its pairs wait in a heap, so a word of n bytes takes O(n log n): a
/// megabyte without a space is a word like any other.
struct BytePairMerger {
  private let merges: MergeTable
  /// The token of each byte, -1 where the vocabulary has none.
  private let byteTokens: [Int32]

  /// The list: `tokens[i]` with its neighbours, and the rank of the pair that begins at i. A
  /// symbol that was joined to its left neighbour has the rank `none`, as the last one has.
  private var tokens: [Int32] = []
  private var previous: [Int32] = []
  private var next: [Int32] = []
  private var ranks: [UInt32] = []
  private var heap = PairHeap()

  /// Pairs put into the heap so far: the measure of work.
  private(set) var pairCount = 0

  init(merges: MergeTable, byteTokens: [Int32]) {
    self.merges = merges
    self.byteTokens = byteTokens
  }

  /// Appends the tokens of `word` to `output`. Bytes the vocabulary does not have are left out.
  mutating func encode(_ word: ArraySlice<UInt8>, into output: inout [Int32]) {
    tokens.removeAll(keepingCapacity: true)
    for byte in word {
      let token = byteTokens[Int(byte)]
      if token >= 0 { tokens.append(token) }
    }
    join(into: &output)
  }

  /// Appends what `symbols`, a word's tokens before any is joined, become.
  mutating func encode(symbols: [Int32], into output: inout [Int32]) {
    tokens.removeAll(keepingCapacity: true)
    tokens += symbols
    join(into: &output)
  }

  private mutating func join(into output: inout [Int32]) {
    guard tokens.count > 1 else {
      output.append(contentsOf: tokens)
      return
    }
    link()
    while let pair = heap.pop() {
      // A pair whose symbols have changed since has another rank by now, or none.
      guard ranks[pair.position] == pair.rank else { continue }
      join(at: pair.position, rank: pair.rank)
    }
    var position: Int32 = 0
    while position >= 0 {
      output.append(tokens[Int(position)])
      position = next[Int(position)]
    }
  }

  private mutating func link() {
    let count = tokens.count
    previous.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    ranks.removeAll(keepingCapacity: true)
    for position in 0..<count {
      previous.append(Int32(position) - 1)
      next.append(position + 1 < count ? Int32(position) + 1 : -1)
      ranks.append(MergeTable.none)
    }
    for position in 0..<(count - 1) { rankPair(at: position) }
  }

  private mutating func join(at position: Int, rank: UInt32) {
    let right = Int(next[position])
    let following = next[right]
    tokens[position] = merges.result(rank: rank)
    next[position] = following
    ranks[right] = MergeTable.none
    if following >= 0 { previous[Int(following)] = Int32(position) }
    rankPair(at: position)
    if previous[position] >= 0 { rankPair(at: Int(previous[position])) }
  }

  /// Looks up the pair that begins at `position` and lets it wait for its turn.
  private mutating func rankPair(at position: Int) {
    guard next[position] >= 0 else {
      ranks[position] = MergeTable.none
      return
    }
    let rank = merges.rank(tokens[position], tokens[Int(next[position])])
    ranks[position] = rank
    guard rank != MergeTable.none else { return }
    pairCount += 1
    heap.push(PairHeap.Pair(rank: rank, position: position))
  }
}

/// A heap of pairs, the lowest rank on top and the leftmost among equals. Four children a node: a
/// megabyte's heap is larger than the caches, and half the levels are half the misses.
private struct PairHeap {
  struct Pair {
    /// The rank above the position, so that one comparison orders both.
    private let key: UInt64

    init(rank: UInt32, position: Int) {
      key = UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: position))
    }

    var rank: UInt32 { UInt32(truncatingIfNeeded: key >> 32) }
    var position: Int { Int(UInt32(truncatingIfNeeded: key)) }

    static func < (left: Pair, right: Pair) -> Bool { left.key < right.key }
  }

  private var pairs: [Pair] = []

  mutating func push(_ pair: Pair) {
    var child = pairs.count
    pairs.append(pair)
    var heap = pairs.mutableSpan
    while child > 0 {
      let parent = (child - 1) / 4
      guard pair < heap[parent] else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = pair
  }

  mutating func pop() -> Pair? {
    guard let top = pairs.first, let last = pairs.popLast() else { return nil }
    guard !pairs.isEmpty else { return top }
    var heap = pairs.mutableSpan
    var parent = 0
    while 4 * parent + 1 < heap.count {
      var least = 4 * parent + 1
      for child in (least + 1)..<max(least + 1, min(least + 4, heap.count))
      where heap[child] < heap[least] { least = child }
      guard heap[least] < last else { break }
      heap[parent] = heap[least]
      parent = least
    }
    heap[parent] = last
    return top
  }
}
