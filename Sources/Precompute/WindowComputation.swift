import FeatureCache
import Identity
import KnowledgeSource
import Numerics

/// Runs windows through the source by their schedules, and turns documents into cache entries.
///
/// A document's entry is handed on as soon as all of its states and those of the documents before it
/// are coded, so entries come in the corpus's order. For one thread, which the compute team joins.
final class WindowComputation {
  /// What a pass came to.
  struct Pass {
    var tokens = 0
    /// Pairs of a token and one that it attends to.
    var attended = 0
    /// Records coded, and their payload's bytes.
    var records = 0
    var bytes = 0
  }

  private let source: DecoderSource
  private let reading: SourceReading
  private let cache: FeatureCache
  /// What the last window left, from the text's start on.
  private var carried: [HeldPrefix] = []
  /// Keys of the records that were coded: of this window, and along the path that the last one left.
  private var coded: Set<RecordKey> = []
  /// Whether the cache had records before: a text may then begin with some of them.
  private let goesOn: Bool

  init(_ source: DecoderSource, _ reading: SourceReading, cache: FeatureCache) throws {
    self.source = source
    self.reading = reading
    self.cache = cache
    goesOn = try cache.hasRecords()
  }

  /// Runs a window.
  ///
  /// - Parameters:
  ///   - coverage: what the documents' entries are of.
  ///   - passed: told after every pass; false ends the window there, with entries for all documents
  ///     whose states there are.
  ///   - emit: takes the entries.
  /// - Returns: false when it was ended.
  func run(
    _ window: CorpusWindow, coverage: Coverage, passed: (Pass) throws -> Bool,
    emit: (CacheEntry) throws -> Void
  ) throws -> Bool {
    var entries = WindowEntries(window, coverage: coverage)
    try entries.emit(emit)
    let schedule = window.schedule
    if !schedule.usesCarried { carried = [] }
    var held = [HeldPrefix?](repeating: nil, count: schedule.prefixes.count)
    for group in schedule.groups {
      for step in group {
        var pass: Pass
        switch step {
        case .prefixes(let indices): pass = try runPrefixes(indices, window, &held, &entries)
        case .rests(let indices): pass = try runRests(indices, window, held, &entries)
        }
        try entries.emit(emit)
        guard try passed(pass) else {
          try entries.emitAllDone(emit)
          return false
        }
      }
      for index in held.indices where !schedule.kept.contains(.prefix(index)) { held[index] = nil }
    }
    carried = schedule.kept.compactMap { base in
      switch base {
      case .start: nil
      case .carried(let index): carried[index]
      case .prefix(let index): held[index]
      }
    }
    coded.removeAll(keepingCapacity: true)
    if let (text, count) = schedule.keptPrefix {
      let path = Array(window.texts[text].prefix(count / cache.chunkTokens * cache.chunkTokens))
      coded.formUnion(cache.links(of: path).map(\.key))
    }
    return true
  }

  private func base(_ base: PrefixSchedule.Base, _ held: [HeldPrefix?]) -> HeldPrefix? {
    switch base {
    case .start: nil
    case .carried(let index): carried[index]
    case .prefix(let index): held[index]
    }
  }

  /// Runs shared prefixes, and holds them.
  private func runPrefixes(
    _ indices: [Int], _ window: CorpusWindow, _ held: inout [HeldPrefix?],
    _ entries: inout WindowEntries
  ) throws -> Pass {
    let pieces = indices.map { window.schedule.prefixes[$0] }
    let rows = pieces.reduce(0) { $0 + $1.range.count }
    let states = PassStates(rows: rows, width: cache.width)
    var work: [(session: SourceSession, ids: [Int32])] = []
    var offset = 0
    var done: [(text: Int, states: TextStates)] = []
    for (index, piece) in zip(indices, pieces) {
      let above = base(piece.base, held)
      let session =
        if let above { try above.session.fork(capacity: piece.range.upperBound) } else {
          try source.makeSession(
            capacity: piece.range.upperBound, layer: reading.layer, normalized: reading.normalized)
        }
      work.append((session, Array(window.texts[piece.text][piece.range])))
      let prefix = HeldPrefix(
        session, range: piece.range, above: above, states: states, offset: offset)
      held[index] = prefix
      offset += piece.range.count * cache.width
      if let text = window.schedule.ends[index] {
        done.append(
          (text, TextStates(prefix: prefix, rest: states.buffer.base, width: cache.width)))
      }
    }
    try source.append(work, into: states.buffer.base)
    return try code(done, window, pieces, &entries)
  }

  /// Runs what texts have of their own.
  private func runRests(
    _ indices: [Int], _ window: CorpusWindow, _ held: [HeldPrefix?],
    _ entries: inout WindowEntries
  ) throws -> Pass {
    let pieces = indices.map { window.schedule.rests[$0] }
    let rows = pieces.reduce(0) { $0 + $1.range.count }
    let states = FloatBuffer(count: rows * cache.width)
    var work: [SourceContinuation] = []
    var done: [(text: Int, states: TextStates)] = []
    var row = states.base
    for piece in pieces {
      let prefix = base(piece.base, held)
      work.append(
        SourceContinuation(
          prefix: prefix?.session, ids: Array(window.texts[piece.text][piece.range])))
      done.append((piece.text, TextStates(prefix: prefix, rest: row, width: cache.width)))
      row += piece.range.count * cache.width
    }
    try source.states(
      continuing: work, layer: reading.layer, normalized: reading.normalized, into: states.base)
    return try code(done, window, pieces, &entries)
  }

  /// Codes the records of texts whose last states were just computed, each record once, and none that
  /// the cache has.
  private func code(
    _ done: [(text: Int, states: TextStates)], _ window: CorpusWindow,
    _ pieces: [PrefixSchedule.Piece], _ entries: inout WindowEntries
  ) throws -> Pass {
    var jobs: [(text: Int, states: TextStates, link: ChainLink)] = []
    for (text, states) in done {
      let ids = window.texts[text]
      let links = cache.links(of: ids)
      entries.note(text, links)
      let start = goesOn ? try cache.cachedChunks(of: ids) : 0
      for link in links
      where link.range.lowerBound >= start && coded.insert(link.key).inserted {
        jobs.append((text, states, link))
      }
    }
    let records = try parallelMap(jobs) { job in
      try job.states.with(job.link.range) { rows in
        try cache.record(
          job.link, of: window.texts[job.text], states: rows, place: window.places[job.text])
      }
    }
    var pass = Pass(records: records.count)
    for piece in pieces {
      pass.tokens += piece.range.count
      pass.attended += piece.attended
    }
    for record in records {
      pass.bytes += record.byteCount
      entries.add(record)
    }
    return pass
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
