/// Which nodes of a window's tree are run once, and the schedule that follows.
struct PrefixChoice {
  /// What is run already where a piece begins, and how many tokens that is.
  private struct Origin {
    var base: PrefixSchedule.Base
    var depth: Int
  }

  private let tree: PrefixTree
  private let texts: [[Int32]]
  /// For each text the tokens that it shares with the path that the last window left.
  private let known: [Int]
  /// Where the prefixes along that path end.
  private let ends: [Int]
  private var isKept: [Bool]

  init(_ tree: PrefixTree, _ texts: [[Int32]], known: [Int], ends: [Int]) {
    self.tree = tree
    self.texts = texts
    self.known = known
    self.ends = ends
    isKept = [Bool](repeating: false, count: tree.nodes.count)
    choose()
  }

  /// Keeps the nodes that save enough: from the top, by the texts below them, then from the bottom, by
  /// the pieces that are left below them.
  private mutating func choose() {
    var origins: [Origin] = []
    for (index, node) in tree.nodes.enumerated() {
      origins.append(origin(of: node, origins))
      let saved = (node.count - 1) * (node.depth - origins[index].depth)
      isKept[index] = saved >= PrefixPlanner.worthwhile
    }
    var pieces = [Int](repeating: 0, count: tree.nodes.count)
    for node in tree.deepest where node >= 0 { pieces[node] += 1 }
    for index in tree.nodes.indices.reversed() {
      let saved = (pieces[index] - 1) * (tree.nodes[index].depth - origins[index].depth)
      isKept[index] = isKept[index] && saved >= PrefixPlanner.worthwhile
      let parent = tree.nodes[index].parent
      if parent >= 0 { pieces[parent] += isKept[index] ? 1 : pieces[index] }
    }
  }

  /// What a node's own tokens come after, given that of the nodes before it.
  private func origin(of node: PrefixTree.Node, _ origins: [Origin]) -> Origin {
    let above = above(node.parent, origins)
    return carried(text: node.text, most: node.depth, else: above)
  }

  private func above(_ node: Int, _ origins: [Origin]) -> Origin {
    guard node >= 0 else { return Origin(base: .start, depth: 0) }
    return isKept[node] ? Origin(base: .prefix(node), depth: tree.nodes[node].depth) : origins[node]
  }

  /// The longest prefix that the last window left of `text`, where it is longer than `other`.
  private func carried(text: Int, most: Int, else other: Origin) -> Origin {
    guard let index = ends.lastIndex(where: { $0 <= min(most, known[text]) }),
      ends[index] > other.depth
    else { return other }
    return Origin(base: .carried(index), depth: ends[index])
  }

  private func origins() -> [Origin] {
    var origins: [Origin] = []
    for node in tree.nodes { origins.append(origin(of: node, origins)) }
    return origins
  }

  /// What each text's rest comes after. A rest of nothing is one that a node of this window ends.
  private func restOrigins(_ origins: [Origin]) -> [Origin] {
    texts.indices.map { text in
      var above = above(tree.deepest[text], origins)
      // What was carried over has no states to give at its end: a token at least is run again.
      if Self.isCarried(above.base), above.depth == texts[text].count {
        above = Origin(base: .start, depth: 0)
      }
      return carried(text: text, most: texts[text].count - 1, else: above)
    }
  }

  /// Some piece goes on from what the last window left.
  var usesCarried: Bool {
    let origins = origins()
    return restOrigins(origins).contains { Self.isCarried($0.base) }
      || origins.indices.contains { isKept[$0] && Self.isCarried(origins[$0].base) }
  }

  private static func isCarried(_ base: PrefixSchedule.Base) -> Bool {
    if case .carried = base { true } else { false }
  }

  /// The kept node at the top of the kept ones that a base lies under; nil where it is under none.
  private func top(of base: PrefixSchedule.Base, _ origins: [Origin]) -> Int? {
    var base = base
    var top: Int?
    while case .prefix(let node) = base {
      top = node
      base = origins[node].base
    }
    return top
  }

  // MARK: Within memory

  /// Gives up nodes, those first that save least, until no tree of kept nodes has more than `limit`
  /// tokens.
  mutating func keepWithin(_ limit: Int) {
    let origins = origins()
    var trees: [Int: [Int]] = [:]
    for node in tree.nodes.indices where isKept[node] {
      trees[top(of: .prefix(node), origins) ?? node, default: []].append(node)
    }
    for members in trees.values {
      var members = members
      func size(_ node: Int) -> Int { tree.nodes[node].depth - origins[node].depth }
      func saved(_ node: Int) -> Int { (tree.nodes[node].count - 1) * size(node) }
      var total = members.reduce(0) { $0 + size($1) }
      while total > limit {
        // Only an outermost one: what others come after must stay.
        let inner = Set(members.map { origins[$0].base })
        let outermost = members.filter { !inner.contains(.prefix($0)) }
        guard let least = outermost.min(by: { (saved($0), $0) < (saved($1), $1) }) else { break }
        isKept[least] = false
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
    let nodes = tree.nodes.indices.filter { isKept[$0] }
    let places = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) })
    func renamed(_ base: PrefixSchedule.Base) -> PrefixSchedule.Base {
      if case .prefix(let node) = base { .prefix(places[node] ?? 0) } else { base }
    }
    var schedule = PrefixSchedule()
    schedule.prefixes = nodes.map { node in
      PrefixSchedule.Piece(
        base: renamed(origins[node].base), text: tree.nodes[node].text,
        range: origins[node].depth..<tree.nodes[node].depth)
    }
    for (text, origin) in restOrigins(origins).enumerated() {
      if origin.depth < texts[text].count {
        schedule.rests.append(
          PrefixSchedule.Piece(
            base: renamed(origin.base), text: text, range: origin.depth..<texts[text].count))
      } else if case .prefix(let place) = renamed(origin.base) {
        schedule.ends[place] = text
      }
    }
    PrefixGrouping(schedule, ends: ends).settle(&schedule, limit: limit, keeping: most)
    return schedule
  }
}
