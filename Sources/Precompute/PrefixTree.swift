/// The beginnings that texts share, as a tree: a node is a prefix at which two or more of the texts
/// part, or one of them ends.
///
/// Made of the sorted texts' common prefixes with their neighbours: a node is a longest run of texts
/// that all share its depth.
struct PrefixTree {
  struct Node {
    /// Tokens from the texts' start, at least 1.
    let depth: Int
    /// A text that begins so.
    let text: Int
    /// How many do, two or more.
    let count: Int
    /// -1: none is above.
    let parent: Int
  }

  /// A node comes after its parent.
  let nodes: [Node]
  /// For each text the deepest node it goes through; -1: none.
  let deepest: [Int]
  /// The texts in the order of their ids.
  let order: [Int]
  /// For each place in `order`, the tokens that the text shares with the one before.
  let shared: [Int]

  /// - Parameter texts: distinct ones.
  init(_ texts: [[Int32]]) {
    let order = texts.indices.sorted { texts[$0].lexicographicallyPrecedes(texts[$1]) }
    let shared = order.indices.map { place in
      place == 0 ? 0 : commonPrefix(texts[order[place - 1]], texts[order[place]])
    }
    let runs = Self.runs(shared)

    var nodes: [Node] = []
    var deepest = [Int](repeating: -1, count: texts.count)
    var path: [Int] = []
    for run in runs {
      while let last = path.last, runs[last].places.upperBound <= run.places.lowerBound {
        path.removeLast()
      }
      for place in run.places { deepest[order[place]] = nodes.count }
      nodes.append(
        Node(
          depth: run.depth, text: order[run.places.lowerBound], count: run.places.count,
          parent: path.last ?? -1))
      path.append(nodes.count - 1)
    }
    self.nodes = nodes
    self.deepest = deepest
    self.order = order
    self.shared = shared
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
