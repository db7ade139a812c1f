/// The order in which a window's pieces are run: groups of prefixes that fit in memory together, each
/// level by level, then the rests behind them in the order of the texts.
struct PrefixGrouping {
  private typealias Base = PrefixSchedule.Base

  private let prefixes: [PrefixSchedule.Piece]
  private let rests: [PrefixSchedule.Piece]
  /// Where the prefixes that the last window left end.
  private let ends: [Int]
  /// For each prefix the outermost one that it lies under, and how many lie between and itself.
  private let tops: [Int]
  private let levels: [Int]
  /// Texts that go through a base, and the first of them.
  private var texts: [Base: (count: Int, first: Int)] = [:]

  init(_ schedule: PrefixSchedule, ends: [Int]) {
    prefixes = schedule.prefixes
    rests = schedule.rests
    self.ends = ends
    var tops: [Int] = []
    var levels: [Int] = []
    for (index, piece) in prefixes.enumerated() {
      if case .prefix(let above) = piece.base {
        tops.append(tops[above])
        levels.append(levels[above] + 1)
      } else {
        tops.append(index)
        levels.append(0)
      }
    }
    self.tops = tops
    self.levels = levels
    for rest in rests { count(rest.text, through: rest.base) }
    for (prefix, text) in schedule.ends { count(text, through: .prefix(prefix)) }
  }

  private mutating func count(_ text: Int, through base: Base) {
    let (count, first) = texts[base] ?? (0, text)
    texts[base] = (count + 1, min(first, text))
    switch base {
    case .start, .carried(0): break
    case .carried(let index): self.count(text, through: .carried(index - 1))
    case .prefix(let index): self.count(text, through: prefixes[index].base)
    }
  }

  /// Fills in the groups, none with more than `limit` tokens of prefixes but where a tree of them has,
  /// and the path to keep, of at most `most` tokens.
  func settle(_ schedule: inout PrefixSchedule, limit: Int, keeping most: Int) {
    let path = path(most: most)
    schedule.kept = path
    if let last = path.last, let text = texts[last]?.first {
      schedule.keptPrefix = (text, depth(last))
    }
    schedule.groups = groups(limit: limit, last: path)
  }

  /// The path with the most texts at every step.
  private func path(most: Int) -> [Base] {
    var below: [Base: [Base]] = [:]
    for index in ends.indices where texts[.carried(index)] != nil {
      below[index == 0 ? .start : .carried(index - 1), default: []].append(.carried(index))
    }
    for (index, piece) in prefixes.enumerated() {
      below[piece.base, default: []].append(.prefix(index))
    }
    var path: [Base] = []
    while let next = (below[path.last ?? .start] ?? [])
      .max(by: { texts[$0]?.count ?? 0 < texts[$1]?.count ?? 0 }), depth(next) <= most
    {
      path.append(next)
    }
    return path
  }

  private func depth(_ base: Base) -> Int {
    switch base {
    case .start: 0
    case .carried(let index): ends[index]
    case .prefix(let index): prefixes[index].range.upperBound
    }
  }

  private func groups(limit: Int, last path: [Base]) -> [[PrefixSchedule.Pass]] {
    var members: [Int: [Int]] = [:]
    for index in prefixes.indices { members[tops[index], default: []].append(index) }
    let heaviest = path.lazy.compactMap {
      if case .prefix(let index) = $0 { tops[index] } else { nil }
    }
    .first
    func first(_ top: Int) -> Int { texts[.prefix(top)]?.first ?? 0 }
    // What is kept is run last, so that nothing else is held beside it.
    let order = members.keys.sorted {
      ($0 == heaviest ? 1 : 0, first($0)) < ($1 == heaviest ? 1 : 0, first($1))
    }
    var groups: [(tops: Set<Int>, prefixes: [Int], tokens: Int, first: Int)] = []
    for top in order {
      let own = members[top] ?? []
      let tokens = own.reduce(0) { $0 + prefixes[$1].range.count }
      if let open = groups.indices.last, groups[open].tokens + tokens <= limit {
        groups[open].tops.insert(top)
        groups[open].prefixes += own
        groups[open].tokens += tokens
      } else {
        groups.append(([top], own, tokens, first(top)))
      }
    }
    if groups.isEmpty { groups.append(([], [], 0, 0)) }

    var behind = groups.map { _ in [Int]() }
    for (index, rest) in rests.enumerated() {
      let place: Int?
      if case .prefix(let prefix) = rest.base {
        place = groups.firstIndex { $0.tops.contains(tops[prefix]) }
      } else {
        // Behind no prefix of this window: where its neighbours in the corpus are.
        place = groups.indices.first { $0 + 1 == groups.count || groups[$0 + 1].first > rest.text }
      }
      behind[place ?? 0].append(index)
    }
    return zip(groups, behind).map { group, rests in passes(group.prefixes, rests) }
  }

  private func passes(_ members: [Int], _ behind: [Int]) -> [PrefixSchedule.Pass] {
    var passes: [PrefixSchedule.Pass] = []
    for level in 0...(members.map { levels[$0] }.max() ?? 0) {
      let together = members.filter { levels[$0] == level }
      passes += PrefixPlanner.passes(together, prefixes).map { .prefixes($0) }
    }
    return passes + PrefixPlanner.passes(behind, rests).map { .rests($0) }
  }
}
