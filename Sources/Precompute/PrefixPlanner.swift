import KnowledgeSource

/// Decides, window by window, which beginnings that texts share are run once.
///
/// A pure function of the texts, in their order: the plan and the run come to the same schedules.
///
/// A shared prefix is worth a pass of its own when what it saves is more than what the pass costs.
/// Held keys and values never come to more than `capacity` tokens: those that the last window left,
/// and those of a group of prefixes, with all that lies behind them, at a time. The path with the most
/// texts is kept for the next window, so that a system prompt is run once, not once a window.
public struct PrefixPlanner: Sendable {
  /// Tokens' keys and values that may be held at a time.
  public let capacity: Int
  /// Run shared prefixes once; otherwise every text whole.
  public let sharing: Bool
  /// Tokens a record.
  public let chunkTokens: Int
  /// The path that the last window left: its tokens, and where the prefixes along it end.
  private var carried: [Int32] = []
  private var ends: [Int] = []

  /// Tokens that a prefix must save: what a small pass of its own costs beyond its tokens. A pass reads
  /// all weights however few its rows, which takes about as long as 10 to 15 rows more in a large one.
  static let worthwhile = 16

  /// Rows that go through the source together; a longer text goes alone. More would be no faster, and
  /// make a signal wait.
  static let rowsOfAPass = DecoderSource.rowsOfAPass

  public init(capacity: Int, sharing: Bool = true, chunkTokens: Int) {
    self.capacity = max(capacity, 0)
    self.sharing = sharing
    self.chunkTokens = max(chunkTokens, 1)
  }

  /// The schedule of the next window.
  /// - Parameter texts: distinct ones, in the order in which they should be done.
  public mutating func schedule(_ texts: [[Int32]]) -> PrefixSchedule {
    let tree = PrefixTree(texts)
    let known = texts.map { commonPrefix(carried, $0) }
    var choice = PrefixChoice(tree, texts, known: known, ends: ends)
    let room = capacity - (choice.usesCarried ? carried.count : 0)
    choice.keepWithin(room)
    // A path that filled the memory would leave the next window none for other prefixes.
    let shared = choice.schedule(limit: room, keeping: capacity * 3 / 4)
    var schedule = sharing ? shared : Self.whole(texts)
    schedule.records = records(tree, texts, known)
    schedule.keptPrefix = shared.keptPrefix

    ends = shared.kept.map { base in
      switch base {
      case .start: 0
      case .carried(let index): ends[index]
      case .prefix(let index): shared.prefixes[index].range.upperBound
      }
    }
    carried = shared.keptPrefix.map { Array(texts[$0.text].prefix($0.count)) } ?? []
    return schedule
  }

  /// Every text by itself.
  private static func whole(_ texts: [[Int32]]) -> PrefixSchedule {
    var schedule = PrefixSchedule()
    schedule.rests = texts.indices.filter { !texts[$0].isEmpty }.map {
      PrefixSchedule.Piece(base: .start, text: $0, range: 0..<texts[$0].count)
    }
    schedule.groups = [
      passes(Array(schedule.rests.indices), schedule.rests).map { .rests($0) }
    ]
    return schedule
  }

  /// Cuts pieces into passes.
  static func passes(_ indices: [Int], _ pieces: [PrefixSchedule.Piece]) -> [[Int]] {
    var passes: [[Int]] = []
    var rows = rowsOfAPass
    for index in indices {
      let count = pieces[index].range.count
      if rows + count > rowsOfAPass {
        passes.append([])
        rows = 0
      }
      passes[passes.count - 1].append(index)
      rows += count
    }
    return passes
  }

  /// Records that no text before has: of this window, or along the path that was left.
  private func records(_ tree: PrefixTree, _ texts: [[Int32]], _ known: [Int]) -> [Int: Int] {
    var records: [Int: Int] = [:]
    for (place, text) in tree.order.enumerated() {
      let count = texts[text].count
      let stored = max(tree.shared[place], known[text]) / chunkTokens
      let whole = count / chunkTokens - stored
      if whole > 0 { records[chunkTokens, default: 0] += whole }
      if count % chunkTokens > 0 { records[count % chunkTokens, default: 0] += 1 }
    }
    return records
  }
}
