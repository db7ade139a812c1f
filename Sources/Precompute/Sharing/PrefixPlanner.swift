import FeatureCache
import Identity

/// Decides, window by window, which beginnings that texts share are run once: see `PrefixSchedule`.
///
/// Its schedules follow from the texts and their order alone: the plan and the run come to the same ones.
///
/// A shared prefix is worth a pass of its own when what it saves is more than what the pass costs.
/// Held keys and values never come to more than `capacity` tokens: those that the last window kept,
/// and those of a group of prefixes, with all that lies behind them, at a time. The path with the most
/// texts is kept for the next window, so that a system prompt is run once, not once a window.
package struct PrefixPlanner: Sendable {
  /// Tokens whose keys and values may be held at a time.
  let capacity: Int
  /// Whether shared prefixes are run once; otherwise every text is run whole.
  let sharing: Bool
  /// What a state of the source depends on: of a whole document nothing is shared, neither passes nor records.
  let scope: StateScope
  /// Tokens a record.
  let chunkTokens: Int
  /// The path that the last window kept: its tokens, and where the prefixes along it end.
  private var keptTokens: [Int32] = []
  private var ends: IndexedList<KeptPrefixes, Int> = []

  /// Tokens that a prefix must save: what a small pass of its own costs beyond its tokens. A pass reads
  /// all weights however few its rows, which takes about as long as 10 to 15 rows more in a large one.
  package static let worthwhile = 16

  package init(
    capacity: Int, sharing: Bool = true, scope: StateScope = .causal, chunkTokens: Int
  ) {
    self.capacity = max(capacity, 0)
    self.sharing = sharing
    self.scope = scope
    self.chunkTokens = max(chunkTokens, 1)
  }

  /// The schedule of the next window.
  /// - Parameter texts: distinct ones, in the order in which they should be done.
  package mutating func schedule(_ texts: TextList) -> PrefixSchedule {
    guard scope == .causal else {
      var schedule = whole(texts)
      for text in texts { add(text.count, after: 0, to: &schedule.records) }
      return schedule
    }
    let tree = PrefixTree(texts)
    let known = IndexedList<WindowTexts, Int>(texts.map { commonPrefix(keptTokens, $0) })
    var choice = PrefixChoice(tree, texts, known: known, ends: ends)
    let room = capacity - (choice.usesKept ? keptTokens.count : 0)
    choice.giveUpNodes(beyond: room)
    // A path that filled the memory would leave the next window none for other prefixes.
    let shared = choice.schedule(limit: room, keeping: capacity * 3 / 4)
    var schedule = sharing ? shared : whole(texts)
    for (text, shared) in tree.sorted {
      add(texts[text].count, after: max(shared, known[text]), to: &schedule.records)
    }
    // Also where its states are not held, the next window knows the records along it.
    schedule.keptBeginning = shared.keptBeginning

    ends = IndexedList(
      shared.kept.map { base in
        switch base {
        case .start: 0
        case .kept(let index): ends[index]
        case .prefix(let index): shared.prefixes[index].range.upperBound
        }
      })
    keptTokens = shared.keptBeginning.map { Array(texts[$0.text].prefix($0.tokens)) } ?? []
    return schedule
  }

  /// Every text by itself.
  private func whole(_ texts: TextList) -> PrefixSchedule {
    var schedule = PrefixSchedule()
    schedule.scope = scope
    for text in texts.indices where !texts[text].isEmpty {
      schedule.rests.append(
        PrefixSchedule.Piece(base: .start, text: text, range: 0..<texts[text].count))
    }
    schedule.groups = [
      Self.passes(Array(schedule.rests.indices), schedule.rests).map { .rests($0) }
    ]
    return schedule
  }

  /// Cuts pieces into passes. A longer piece goes alone; larger passes would be no faster, and make a signal
  /// wait.
  static func passes<List>(
    _ indices: [ListIndex<List>], _ pieces: IndexedList<List, PrefixSchedule.Piece>
  ) -> [[ListIndex<List>]] {
    let most = OpenedSource.rowsOfAPass
    var passes: [[ListIndex<List>]] = []
    var rows = most
    for index in indices {
      let count = pieces[index].range.count
      if rows + count > most {
        passes.append([])
        rows = 0
      }
      passes[passes.count - 1].append(index)
      rows += count
    }
    return passes
  }

  /// Counts the records of a text of so many tokens, of which the first `shared` are those of another, by their
  /// tokens.
  private func add(_ tokens: Int, after shared: Int, to records: inout [Int: Int]) {
    let whole = tokens / chunkTokens - shared / chunkTokens
    if whole > 0 { records[chunkTokens, default: 0] += whole }
    if tokens % chunkTokens > 0 { records[tokens % chunkTokens, default: 0] += 1 }
  }
}
