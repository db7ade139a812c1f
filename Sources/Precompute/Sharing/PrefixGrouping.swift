/// The order in which a window's pieces are run: groups of prefixes that fit in memory together, each
/// level by level, then the rests behind them in the order of the texts.
struct PrefixGrouping {
  private typealias Base = PrefixSchedule.Base

  /// The prefixes that are run in one group: whole trees of them.
  private struct Group {
    var tops: Set<PrefixIndex> = []
    var prefixes: [PrefixIndex] = []
    var tokens = 0
    /// The first text that goes through one of them.
    var first = TextIndex(0)
  }

  private let prefixes: IndexedList<SharedPrefixes, PrefixSchedule.Piece>
  private let rests: IndexedList<TextRests, PrefixSchedule.Piece>
  /// Where the prefixes that the last window kept end.
  private let ends: IndexedList<KeptPrefixes, Int>
  /// For each prefix the outermost one that it lies under, and how many lie between and itself.
  private let tops: IndexedList<SharedPrefixes, PrefixIndex>
  private let levels: IndexedList<SharedPrefixes, Int>
  /// How many texts go through a base, and the first of them.
  private var users: [Base: (count: Int, first: TextIndex)] = [:]

  init(_ schedule: PrefixSchedule, ends: IndexedList<KeptPrefixes, Int>) {
    prefixes = schedule.prefixes
    rests = schedule.rests
    self.ends = ends
    var tops: IndexedList<SharedPrefixes, PrefixIndex> = []
    var levels: IndexedList<SharedPrefixes, Int> = []
    for index in prefixes.indices {
      if case .prefix(let above) = prefixes[index].base {
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

  private mutating func count(_ text: TextIndex, through base: Base) {
    let (count, first) = users[base] ?? (0, text)
    users[base] = (count + 1, min(first, text))
    switch base {
    case .start: break
    case .kept(let index):
      if index > ends.startIndex { self.count(text, through: .kept(index.advanced(by: -1))) }
    case .prefix(let index): self.count(text, through: prefixes[index].base)
    }
  }

  /// Fills in the groups, none with more than `limit` tokens of prefixes but where a tree of them has,
  /// and the path to keep, of at most `most` tokens.
  func arrange(_ schedule: inout PrefixSchedule, limit: Int, keeping most: Int) {
    let path = path(most: most)
    schedule.kept = IndexedList(path)
    if let last = path.last, let text = users[last]?.first {
      schedule.keptBeginning = PrefixSchedule.Beginning(text: text, tokens: depth(last))
    }
    schedule.groups = groups(limit: limit, keeping: path)
  }

  /// The path with the most texts at every step.
  private func path(most: Int) -> [Base] {
    var below: [Base: [Base]] = [:]
    for index in ends.indices where users[.kept(index)] != nil {
      let above: Base = index == ends.startIndex ? .start : .kept(index.advanced(by: -1))
      below[above, default: []].append(.kept(index))
    }
    for index in prefixes.indices {
      below[prefixes[index].base, default: []].append(.prefix(index))
    }
    var path: [Base] = []
    while let next = (below[path.last ?? .start] ?? [])
      .max(by: { users[$0]?.count ?? 0 < users[$1]?.count ?? 0 }), depth(next) <= most
    {
      path.append(next)
    }
    return path
  }

  private func depth(_ base: Base) -> Int {
    switch base {
    case .start: 0
    case .kept(let index): ends[index]
    case .prefix(let index): prefixes[index].range.upperBound
    }
  }

  private func groups(limit: Int, keeping path: [Base]) -> [[PrefixSchedule.Pass]] {
    let groups = groupsOfPrefixes(limit: limit, keeping: path)
    var behind = groups.map { _ in [RestIndex]() }
    for index in rests.indices {
      let rest = rests[index]
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

  /// The prefixes in groups; one group of none where there are none.
  private func groupsOfPrefixes(limit: Int, keeping path: [Base]) -> [Group] {
    var members: [PrefixIndex: [PrefixIndex]] = [:]
    for index in prefixes.indices { members[tops[index], default: []].append(index) }
    let keptTop = path.lazy.compactMap {
      if case .prefix(let index) = $0 { tops[index] } else { nil }
    }
    .first
    func first(_ top: PrefixIndex) -> TextIndex { users[.prefix(top)]?.first ?? TextIndex(0) }
    // What is kept is run last, so that nothing else is held beside it.
    let order = members.keys.sorted {
      ($0 == keptTop ? 1 : 0, first($0)) < ($1 == keptTop ? 1 : 0, first($1))
    }
    var groups: [Group] = []
    for top in order {
      let own = members[top] ?? []
      let tokens = own.reduce(0) { $0 + prefixes[$1].range.count }
      if let open = groups.indices.last, groups[open].tokens + tokens <= limit {
        groups[open].tops.insert(top)
        groups[open].prefixes += own
        groups[open].tokens += tokens
      } else {
        groups.append(Group(tops: [top], prefixes: own, tokens: tokens, first: first(top)))
      }
    }
    return groups.isEmpty ? [Group()] : groups
  }

  private func passes(
    _ members: [PrefixIndex], _ behind: [RestIndex]
  ) -> [PrefixSchedule.Pass] {
    var passes: [PrefixSchedule.Pass] = []
    for level in 0...(members.map { levels[$0] }.max() ?? 0) {
      let together = members.filter { levels[$0] == level }
      passes += PrefixPlanner.passes(together, prefixes).map { .prefixes($0) }
    }
    return passes + PrefixPlanner.passes(behind, rests).map { .rests($0) }
  }
}
