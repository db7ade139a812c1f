/// Which nodes of a window's tree are run once, and the schedule that follows.
struct PrefixChoice {
  /// What is run already where a node's or a rest's own tokens begin, and how many tokens that is.
  private struct Origin {
    enum Base: Hashable {
      case start
      case kept(KeptIndex)
      case node(NodeIndex)
    }

    var base: Base
    var depth: Int

    static let start = Origin(base: .start, depth: 0)

    var isKept: Bool {
      if case .kept = base { true } else { false }
    }
  }

  private typealias Origins = IndexedList<TreeNodes, Origin>

  private let tree: PrefixTree
  private let texts: TextList
  /// For each text the tokens that it shares with the path that the last window kept.
  private let known: IndexedList<WindowTexts, Int>
  /// Where the prefixes along that path end.
  private let ends: IndexedList<KeptPrefixes, Int>
  /// Whether a node is run once, and is thus a prefix of the schedule.
  private var isShared: IndexedList<TreeNodes, Bool>

  init(
    _ tree: PrefixTree, _ texts: TextList, known: IndexedList<WindowTexts, Int>,
    ends: IndexedList<KeptPrefixes, Int>
  ) {
    self.tree = tree
    self.texts = texts
    self.known = known
    self.ends = ends
    isShared = IndexedList(repeating: false, count: tree.nodes.count)
    choose()
  }

  /// Chooses the nodes that save enough: from the top, by the texts below them, then from the bottom, by
  /// the pieces that are left below them.
  private mutating func choose() {
    var origins: Origins = []
    for node in tree.nodes.indices {
      let origin = origin(of: tree.nodes[node], origins)
      origins.append(origin)
      let saved = (tree.nodes[node].count - 1) * (tree.nodes[node].depth - origin.depth)
      isShared[node] = saved >= PrefixPlanner.worthwhile
    }
    var pieces = IndexedList<TreeNodes, Int>(repeating: 0, count: tree.nodes.count)
    for node in tree.deepest { if let node { pieces[node] += 1 } }
    for node in tree.nodes.indices.reversed() {
      let saved = (pieces[node] - 1) * (tree.nodes[node].depth - origins[node].depth)
      isShared[node] = isShared[node] && saved >= PrefixPlanner.worthwhile
      if let parent = tree.nodes[node].parent {
        pieces[parent] += isShared[node] ? 1 : pieces[node]
      }
    }
  }

  // MARK: Where pieces begin

  /// What a node's own tokens come after, given that of the nodes before it.
  private func origin(of node: PrefixTree.Node, _ origins: Origins) -> Origin {
    longest(keptOf: node.text, most: node.depth, or: shared(from: node.parent, origins))
  }

  /// The deepest of a node and those above it that is run once.
  private func shared(from node: NodeIndex?, _ origins: Origins) -> Origin {
    guard let node else { return .start }
    return isShared[node]
      ? Origin(base: .node(node), depth: tree.nodes[node].depth) : origins[node]
  }

  /// The longest prefix of `text` that the last window kept, where it is longer than `other`.
  private func longest(keptOf text: TextIndex, most: Int, or other: Origin) -> Origin {
    guard let index = ends.lastIndex(where: { $0 <= min(most, known[text]) }),
      ends[index] > other.depth
    else { return other }
    return Origin(base: .kept(index), depth: ends[index])
  }

  private func origins() -> Origins {
    var origins: Origins = []
    for node in tree.nodes { origins.append(origin(of: node, origins)) }
    return origins
  }

  /// What each text's rest comes after. A rest of nothing is one that a node of this window ends.
  private func restOrigins(_ origins: Origins) -> IndexedList<WindowTexts, Origin> {
    IndexedList(
      texts.indices.map { text in
        var above = shared(from: tree.deepest[text], origins)
        // What was kept has no states to give at its end: a token at least is run again.
        if above.isKept, above.depth == texts[text].count { above = .start }
        return longest(keptOf: text, most: texts[text].count - 1, or: above)
      })
  }

  /// Some piece goes on from what the last window kept.
  var usesKept: Bool {
    let origins = origins()
    return restOrigins(origins).contains(where: \.isKept)
      || origins.indices.contains { isShared[$0] && origins[$0].isKept }
  }

  /// The shared node at the top of the shared ones that a node lies under, itself perhaps.
  private func top(of node: NodeIndex, _ origins: Origins) -> NodeIndex {
    var top = node
    while case .node(let above) = origins[top].base { top = above }
    return top
  }

  // MARK: Within memory

  /// Gives up nodes, those first that save least, until no tree of shared nodes has more than `limit`
  /// tokens.
  mutating func giveUpNodes(beyond limit: Int) {
    let origins = origins()
    var trees: [NodeIndex: [NodeIndex]] = [:]
    for node in tree.nodes.indices where isShared[node] {
      trees[top(of: node, origins), default: []].append(node)
    }
    for members in trees.values {
      var members = members
      func size(_ node: NodeIndex) -> Int { tree.nodes[node].depth - origins[node].depth }
      func saved(_ node: NodeIndex) -> Int { (tree.nodes[node].count - 1) * size(node) }
      var total = members.reduce(0) { $0 + size($1) }
      while total > limit {
        // Only an outermost one: what others come after must stay.
        let inner = Set(members.map { origins[$0].base })
        let outermost = members.filter { !inner.contains(.node($0)) }
        guard let least = outermost.min(by: { (saved($0), $0) < (saved($1), $1) }) else { break }
        isShared[least] = false
        members.removeAll { $0 == least }
        total -= size(least)
      }
    }
  }

  // MARK: The schedule

  /// - Parameters:
  ///   - limit: tokens of a group's prefixes.
  ///   - most: tokens of the path that is kept for the next window.
  func schedule(limit: Int, keeping most: Int) -> PrefixSchedule {
    let origins = origins()
    var schedule = PrefixSchedule()
    var prefixes: [NodeIndex: PrefixIndex] = [:]
    func base(_ origin: Origin) -> PrefixSchedule.Base {
      switch origin.base {
      case .start: .start
      case .kept(let index): .kept(index)
      // A shared node comes after those above it, so it has its place by now.
      case .node(let node): prefixes[node].map { .prefix($0) } ?? .start
      }
    }
    for node in tree.nodes.indices where isShared[node] {
      prefixes[node] = schedule.prefixes.append(
        PrefixSchedule.Piece(
          base: base(origins[node]), text: tree.nodes[node].text,
          range: origins[node].depth..<tree.nodes[node].depth))
    }
    let restOrigins = restOrigins(origins)
    for text in texts.indices {
      let (base, depth) = (base(restOrigins[text]), restOrigins[text].depth)
      if depth < texts[text].count {
        schedule.rests.append(
          PrefixSchedule.Piece(base: base, text: text, range: depth..<texts[text].count))
      } else if case .prefix(let prefix) = base {
        schedule.ends[prefix] = text
      }
    }
    PrefixGrouping(schedule, ends: ends).arrange(&schedule, limit: limit, keeping: most)
    return schedule
  }
}
