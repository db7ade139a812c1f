/// The beginnings that texts share, as a tree: a node is a prefix at which two or more of the texts
/// part, or one of them ends.
///
/// Made of the sorted texts' common prefixes with their neighbours: a node is a longest run of texts
/// that all share its depth. In the example of `PrefixSchedule` the nodes are S, and S P below it.
struct PrefixTree {
  struct Node {
    /// Tokens from the texts' start, at least 1.
    let depth: Int
    /// A text that begins so.
    let text: TextIndex
    /// How many do, two or more.
    let count: Int
    /// The deepest node above it; `nil` where there is none.
    let parent: NodeIndex?
  }

  /// A node comes after its parent.
  let nodes: IndexedList<TreeNodes, Node>
  /// For each text the deepest node that it goes through; `nil` where it shares nothing.
  let deepest: IndexedList<WindowTexts, NodeIndex?>
  /// The texts in the order of their ids, each with the count of tokens that it shares with the one before.
  let sorted: [(text: TextIndex, shared: Int)]

  /// - Parameter texts: distinct ones.
  init(_ texts: TextList) {
    let order = texts.indices.sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }
    let shared = order.indices.map { place in
      place == 0 ? 0 : commonPrefix(texts[order[place - 1]], texts[order[place]])
    }

    var nodes: IndexedList<TreeNodes, Node> = []
    var deepest = IndexedList<WindowTexts, NodeIndex?>(repeating: nil, count: texts.count)
    var path: [(node: NodeIndex, end: Int)] = []
    for run in Self.runs(shared) {
      while let last = path.last, last.end <= run.places.lowerBound { path.removeLast() }
      let node = nodes.append(
        Node(
          depth: run.depth, text: order[run.places.lowerBound], count: run.places.count,
          parent: path.last?.node))
      for place in run.places { deepest[order[place]] = node }
      path.append((node, run.places.upperBound))
    }
    self.nodes = nodes
    self.deepest = deepest
    sorted = zip(order, shared).map { (text: $0, shared: $1) }
  }

  /// The longest runs of neighbours that share more than those around them, outer ones first.
  private static func runs(_ shared: [Int]) -> [(depth: Int, places: Range<Int>)] {
    var runs: [(depth: Int, places: Range<Int>)] = []
    var open: [(depth: Int, first: Int)] = []
    for place in 1...max(shared.count, 1) {
      let depth = place < shared.count ? shared[place] : 0
      var first = place - 1
      while let last = open.last, last.depth > depth {
        open.removeLast()
        runs.append((last.depth, last.first..<place))
        first = last.first
      }
      if depth > open.last?.depth ?? 0 { open.append((depth, first)) }
    }
    return runs.sorted {
      ($0.places.lowerBound, $0.depth) < ($1.places.lowerBound, $1.depth)
    }
  }
}

/// How many first elements `a` and `b` have in common.
func commonPrefix(_ a: some RandomAccessCollection<Int32>, _ b: [Int32]) -> Int {
  var count = 0
  for (left, right) in zip(a, b) {
    if left != right { break }
    count += 1
  }
  return count
}
