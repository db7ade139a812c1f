import FeatureCache
import Identity
import Numerics

/// What a pass came to.
struct PassTally {
  var tokens = 0
  /// Pairs of a token and one that it attends to.
  var attended = 0
  /// Records coded, and their payload's bytes.
  var records = 0
  var bytes = 0
}

/// Runs windows through the source by their schedules, and turns documents into cache entries.
///
/// A document's entry is handed on as soon as all of its states and those of the documents before it
/// are coded, so entries come in the corpus's order: in each stream, of which every layer is one. For one thread,
/// which the compute team joins.
final class WindowComputation {
  private typealias HeldPrefixes = IndexedList<SharedPrefixes, HeldPrefix?>

  private let source: OpenedSource
  /// A stream a layer.
  private let streams: [FeatureCache]
  /// What the last window kept, from the text's start on.
  private var kept: IndexedList<KeptPrefixes, HeldPrefix> = []
  /// Keys of each stream's records that were coded: of this window, and along the path that the last one kept.
  private var coded: [Set<RecordKey>]
  /// Whether a stream had records before: a text may then begin with some of them.
  private let goesOn: [Bool]
  private let width: Int

  /// - Precondition: there is a stream a layer of the source's.
  init(_ source: OpenedSource, streams: [FeatureCache]) throws {
    self.source = source
    self.streams = streams
    width = streams[0].width
    coded = streams.map { _ in [] }
    goesOn = try streams.map { try $0.hasRecords() }
  }

  /// Runs a window.
  ///
  /// - Parameters:
  ///   - coverage: what the documents' entries are of.
  ///   - passed: told after every pass; false ends the window there, with entries for all documents
  ///     whose states there are.
  ///   - emit: takes the entries, each with its stream's place.
  /// - Returns: false when it was ended.
  func run(
    _ window: CorpusWindow, coverage: Coverage, passed: (PassTally) throws -> Bool,
    emit: (Int, CacheEntry) throws -> Void
  ) throws -> Bool {
    var entries = streams.map { _ in WindowEntries(window, coverage: coverage) }
    func emitDone() throws {
      for place in entries.indices { try entries[place].emit { try emit(place, $0) } }
    }
    try emitDone()
    let schedule = window.schedule
    if !schedule.usesKept { kept = [] }
    var held = HeldPrefixes(repeating: nil, count: schedule.prefixes.count)
    for group in schedule.groups {
      for pass in group {
        let tally: PassTally
        switch pass {
        case .prefixes(let indices):
          tally = try runPrefixes(indices, window, &held, &entries)
        case .rests(let indices):
          tally = try runRests(indices, window, held, &entries)
        }
        try emitDone()
        guard try passed(tally) else {
          for place in entries.indices { try entries[place].emitAllDone { try emit(place, $0) } }
          return false
        }
      }
      for index in held.indices where !schedule.kept.contains(.prefix(index)) { held[index] = nil }
    }
    kept = IndexedList(schedule.kept.compactMap { self.held($0, held) })
    for (place, stream) in streams.enumerated() {
      coded[place].removeAll(keepingCapacity: true)
      guard let beginning = schedule.keptBeginning else { continue }
      let whole = beginning.tokens / stream.chunkTokens * stream.chunkTokens
      let path = Array(window.texts[beginning.text].prefix(whole))
      coded[place].formUnion(stream.links(of: path).map(\.key))
    }
    return true
  }

  /// What is held of a base; `nil` of the start.
  private func held(_ base: PrefixSchedule.Base, _ held: HeldPrefixes) -> HeldPrefix? {
    switch base {
    case .start: nil
    case .kept(let index): kept[index]
    case .prefix(let index): held[index]
    }
  }

  /// Runs shared prefixes, and holds them.
  private func runPrefixes(
    _ indices: [PrefixIndex], _ window: CorpusWindow, _ held: inout HeldPrefixes,
    _ entries: inout [WindowEntries]
  ) throws -> PassTally {
    let pieces = indices.map { window.schedule.prefixes[$0] }
    let rows = pieces.reduce(0) { $0 + $1.range.count }
    let states = PassStates(rows: rows, width: width, layers: streams.count)
    var work: [(keys: PrefixKeys, ids: [Int32])] = []
    var offset = 0
    var done: [(text: TextIndex, states: TextStates)] = []
    for (index, piece) in zip(indices, pieces) {
      let above = self.held(piece.base, held)
      let keys = try source.makeKeys(after: above?.keys, capacity: piece.range.upperBound)
      work.append((keys, Array(window.texts[piece.text][piece.range])))
      let prefix = HeldPrefix(
        keys, range: piece.range, above: above, states: states, offset: offset)
      held[index] = prefix
      offset += piece.range.count * width
      if let text = window.schedule.ends[index] {
        done.append(
          (text, TextStates(prefix: prefix, rest: states, offset: 0, width: width)))
      }
    }
    try source.append(work, into: states.layers)
    return try code(done, window, pieces, &entries)
  }

  /// Runs what texts have of their own.
  private func runRests(
    _ indices: [RestIndex], _ window: CorpusWindow, _ held: HeldPrefixes,
    _ entries: inout [WindowEntries]
  ) throws -> PassTally {
    let pieces = indices.map { window.schedule.rests[$0] }
    let rows = pieces.reduce(0) { $0 + $1.range.count }
    let states = PassStates(rows: rows, width: width, layers: streams.count)
    var work: [(after: PrefixKeys?, ids: [Int32])] = []
    var done: [(text: TextIndex, states: TextStates)] = []
    var offset = 0
    for piece in pieces {
      let prefix = self.held(piece.base, held)
      work.append((prefix?.keys, Array(window.texts[piece.text][piece.range])))
      done.append(
        (piece.text, TextStates(prefix: prefix, rest: states, offset: offset, width: width)))
      offset += piece.range.count * width
    }
    try source.states(work, into: states.layers)
    return try code(done, window, pieces, &entries)
  }

  /// Codes the records of texts whose last states were just computed, each record of a stream once, and none that
  /// it has.
  private func code(
    _ done: [(text: TextIndex, states: TextStates)], _ window: CorpusWindow,
    _ pieces: [PrefixSchedule.Piece], _ entries: inout [WindowEntries]
  ) throws -> PassTally {
    var jobs: [(place: Int, text: TextIndex, states: TextStates, link: ChainLink)] = []
    for (place, stream) in streams.enumerated() {
      for (text, states) in done {
        let ids = window.texts[text]
        let links = stream.links(of: ids)
        entries[place].markCoded(text, links)
        let start = goesOn[place] ? try stream.storedTokens(of: ids) : 0
        for link in links
        where link.range.lowerBound >= start && coded[place].insert(link.key).inserted {
          jobs.append((place, text, states, link))
        }
      }
    }
    let records = try parallelMap(jobs) { job in
      try job.states.with(job.link.range, layer: job.place) { rows in
        try streams[job.place].record(
          job.link, of: window.texts[job.text], states: rows, place: window.places[job.text])
      }
    }
    var tally = PassTally(records: records.count)
    for piece in pieces {
      tally.tokens += piece.range.count
      tally.attended += window.schedule.attended(by: piece)
    }
    for (job, record) in zip(jobs, records) {
      tally.bytes += record.byteCount
      entries[job.place].add(record)
    }
    return tally
  }
}

/// `items` through `body` on the compute team, in order; the first error where there is one.
private func parallelMap<Item, Value>(
  _ items: [Item], _ body: (Item) throws -> Value
) throws -> [Value] {
  var results = [Result<Value, any Error>?](repeating: nil, count: items.count)
  results.withUnsafeMutableBufferPointer { results in
    // Each call writes a place of its own.
    nonisolated(unsafe) let results = results
    parallel(items.count) { index in
      results[index] = Result { try body(items[index]) }
    }
  }
  return try results.compactMap { try $0?.get() }
}
