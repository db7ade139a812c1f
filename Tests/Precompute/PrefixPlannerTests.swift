import FeatureCache
import Identity
import Numerics
import Precompute
import Testing

/// Schedules cover every token of every text once, in an order that can be run.
@Suite struct PrefixPlannerTests {
  /// Distinct texts that begin alike at random depths.
  static func texts(_ generator: inout SeededGenerator, count: Int) -> [[Int32]] {
    func draw(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
    var texts: [[Int32]] = []
    while texts.count < count {
      var text: [Int32] = []
      if let other = texts.isEmpty ? nil : texts[draw(texts.count)], draw(4) > 0 {
        text = Array(other.prefix(draw(other.count + 1)))
      }
      let added = draw(3) == 0 ? 0 : draw(60)
      for _ in 0..<added { text.append(Int32(draw(5))) }
      if !text.isEmpty, text.count <= 200, !texts.contains(text) { texts.append(text) }
    }
    return texts
  }

  /// Runs a schedule on paper: what each base holds, as tokens. Checks the order, the memory, and that
  /// every text comes out whole.
  private func perform(
    _ schedule: PrefixSchedule, _ texts: TextList, kept: inout IndexedList<KeptPrefixes, [Int32]>,
    capacity: Int
  ) {
    var held: [PrefixIndex: [Int32]] = [:]
    var whole: [TextIndex: [Int32]] = [:]
    func before(_ base: PrefixSchedule.Base) -> [Int32]? {
      switch base {
      case .start: []
      case .kept(let index): kept.indices.contains(index) ? kept[index] : nil
      case .prefix(let index): held[index]
      }
    }
    for group in schedule.groups {
      for pass in group {
        switch pass {
        case .prefixes(let indices):
          for index in indices {
            let piece = schedule.prefixes[index]
            #expect(before(piece.base)?.count == piece.range.lowerBound)
            #expect(
              before(piece.base) ?? [-1] == Array(texts[piece.text][..<piece.range.lowerBound]))
          }
          for index in indices {
            let piece = schedule.prefixes[index]
            held[index] = Array(texts[piece.text][..<piece.range.upperBound])
            if let text = schedule.ends[index] { whole[text] = held[index] }
          }
        case .rests(let indices):
          for index in indices {
            let piece = schedule.rests[index]
            whole[piece.text] = (before(piece.base) ?? [-1]) + texts[piece.text][piece.range]
          }
        }
        let own = held.keys.reduce(0) { $0 + schedule.prefixes[$1].range.count }
        let left = schedule.usesKept ? kept.last?.count ?? 0 : 0
        #expect(own + left <= capacity)
      }
      for index in held.keys where !schedule.kept.contains(.prefix(index)) { held[index] = nil }
    }
    #expect(whole.count == texts.count)
    for (text, ids) in whole { #expect(ids == texts[text]) }
    kept = IndexedList(schedule.kept.compactMap(before))
    #expect(kept.count == schedule.kept.count)
    #expect((kept.last?.count ?? 0) == schedule.keptBeginning?.tokens ?? 0)
  }

  @Test(arguments: [0, 40, 200, 5000])
  func `every text comes out whole, within the memory`(capacity: Int) {
    var generator = SeededGenerator(seed: UInt64(capacity) + 1)
    for _ in 0..<20 {
      var planner = PrefixPlanner(capacity: capacity, chunkTokens: 8)
      var kept: IndexedList<KeptPrefixes, [Int32]> = []
      let all = Self.texts(&generator, count: 90)
      for first in stride(from: 0, to: all.count, by: 30) {
        let texts = TextList(all[first..<first + 30])
        let schedule = planner.schedule(texts)
        #expect(schedule.tokens <= texts.reduce(0) { $0 + $1.count })
        perform(schedule, texts, kept: &kept, capacity: capacity)
      }
    }
  }

  @Test func `a system prompt is run once, not once a window`() {
    let system = (0..<100).map { Int32($0) }
    var planner = PrefixPlanner(capacity: 256, chunkTokens: 64)
    var tokens = 0
    for window in 0..<5 {
      let texts = (0..<10).map { system + [Int32(1000 + $0), Int32(window)] }
      let schedule = planner.schedule(TextList(texts))
      tokens += schedule.tokens
      // Two records of the system prompt's first window; then the tails alone.
      #expect(schedule.records[64] == (window == 0 ? 1 : nil))
      #expect(schedule.records[38] == 10)
    }
    #expect(tokens == 100 + 5 * 10 * 2)
  }

  @Test func `without sharing every text is run whole`() {
    var generator = SeededGenerator(seed: 9)
    let texts = Self.texts(&generator, count: 40)
    var planner = PrefixPlanner(capacity: 4096, sharing: false, chunkTokens: 8)
    let schedule = planner.schedule(TextList(texts))
    #expect(schedule.prefixes.isEmpty && schedule.rests.count == texts.count)
    #expect(schedule.tokens == texts.reduce(0) { $0 + $1.count })
  }

  @Test func `records are counted as they will be stored`() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<20 {
      let texts = Self.texts(&generator, count: 40)
      var planner = PrefixPlanner(capacity: 4096, chunkTokens: 8)
      var distinct: Set<[Int32]> = []
      for text in texts {
        for end in stride(from: 8, through: text.count, by: 8) {
          distinct.insert(Array(text[..<end]))
        }
        distinct.insert(text)
      }
      let expected = distinct.reduce(into: [Int: Int]()) { counts, text in
        counts[text.count % 8 == 0 ? 8 : text.count % 8, default: 0] += 1
      }
      #expect(planner.schedule(TextList(texts)).records == expected)
    }
  }

  @Test func `a prefix that saves less than its pass is not run by itself`() {
    var planner = PrefixPlanner(capacity: 4096, chunkTokens: 64)
    #expect(planner.schedule([[1, 2, 3], [1, 2, 4]]).prefixes.isEmpty)
    let long = (0..<40).map { Int32($0) }
    #expect(planner.schedule([long + [1], long + [2]]).prefixes.count == 1)
    #expect(planner.schedule([]).tokens == 0)
  }

  /// The example in the header of `PrefixSchedule`, to the letter.
  @Test func `the example that explains the schedule`() {
    func ids(_ first: Int32, _ count: Int) -> [Int32] {
      (0..<count).map { first * 100 + Int32($0) }
    }
    let (system, passage) = (ids(1, 40), ids(2, 30))
    let texts: TextList = [
      system + passage + ids(3, 5), system + passage + ids(4, 6), system + ids(5, 8), system,
      ids(6, 12),
    ]
    var planner = PrefixPlanner(capacity: 8192, chunkTokens: 64)
    let first = planner.schedule(texts)
    typealias Piece = PrefixSchedule.Piece
    func prefix(_ number: Int) -> PrefixSchedule.Base { .prefix(PrefixIndex(number)) }
    func kept(_ number: Int) -> PrefixSchedule.Base { .kept(KeptIndex(number)) }
    #expect(
      first.prefixes == [
        Piece(base: .start, text: TextIndex(3), range: 0..<40),
        Piece(base: prefix(0), text: TextIndex(0), range: 40..<70),
      ])
    #expect(
      first.rests == [
        Piece(base: prefix(1), text: TextIndex(0), range: 70..<75),
        Piece(base: prefix(1), text: TextIndex(1), range: 70..<76),
        Piece(base: prefix(0), text: TextIndex(2), range: 40..<48),
        Piece(base: .start, text: TextIndex(4), range: 0..<12),
      ])
    #expect(first.ends == [PrefixIndex(0): TextIndex(3)])
    #expect(
      first.groups == [
        [
          .prefixes([PrefixIndex(0)]), .prefixes([PrefixIndex(1)]),
          .rests((0..<4).map { RestIndex($0) }),
        ]
      ])
    #expect(first.tokens == 101 && texts.reduce(0) { $0 + $1.count } == 251)
    #expect(first.kept == [prefix(0), prefix(1)] && first.keptBeginning?.tokens == 70)

    let second = planner.schedule([system + passage + ids(7, 7), system + ids(8, 9)])
    #expect(second.prefixes.isEmpty && second.usesKept)
    #expect(
      second.rests == [
        Piece(base: kept(1), text: TextIndex(0), range: 70..<77),
        Piece(base: kept(0), text: TextIndex(1), range: 40..<49),
      ])
    #expect(second.kept == [kept(0), kept(1)])

    // A text that ends where a kept prefix does.
    let third = planner.schedule([system + passage])
    #expect(third.rests == [Piece(base: kept(0), text: TextIndex(0), range: 40..<70)])
  }

  /// Nothing of a source that sees the whole document can be gone on from, and no record is two texts'.
  @Test func `whole documents share nothing`() {
    let long = (0..<40).map { Int32($0) }
    var planner = PrefixPlanner(capacity: 4096, scope: .document, chunkTokens: 8)
    for _ in 0..<2 {
      let schedule = planner.schedule([long + [1], long + [2], long])
      #expect(schedule.prefixes.isEmpty && schedule.kept.isEmpty && !schedule.usesKept)
      #expect(schedule.keptBeginning == nil)
      #expect(schedule.rests.map(\.range) == [0..<41, 0..<41, 0..<40])
      #expect(schedule.records == [8: 15, 1: 2])
    }
  }
}
