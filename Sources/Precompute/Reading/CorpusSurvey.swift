import Corpora
import FeatureCache
import Tokenization

/// One pass over the corpus: every document read, encoded and counted, and its windows scheduled.
///
/// Reading and encoding run on a thread of their own; memory does not grow with the corpus. What the
/// run needs again is written to the spool.
struct CorpusSurvey {
  private(set) var plan = PrecomputePlan()
  private(set) var work = SourceWork()
  private(set) var stored = StoredWork()
  /// A few windows, drawn evenly from all.
  private(set) var sample: [CorpusWindow] = []
  private var windows = 0
  private var generator = SampleGenerator()

  /// Windows that are kept to be measured.
  private static let sampleSize = 4

  /// - Throws: `interrupted` when `shouldStop` says so.
  /// - Parameter streams: what the cache has, a layer each: a document is computed unless all have its states.
  init(
    _ options: PrecomputeOptions, _ reading: SourceReading, streams: [FeatureCache?],
    spool: DocumentSpool?, shouldStop: () -> Bool
  ) throws {
    let cache = streams.lazy.compactMap(\.self).first
    let chunkTokens = cache?.chunkTokens ?? FeatureCache.standardChunkTokens
    var cutter = reading.windowCutter(options, chunkTokens: chunkTokens)
    stored.idWidth = TokenIDs.width(vocabulary: reading.tokenizer.vocabularySize)
    let seen = try TextSet()
    let documents = try TextSet()
    let stream = EncodedCorpus(options, reading)
    defer { stream.close() }
    while let document = try stream.next() {
      if shouldStop() { throw PrecomputeError.interrupted }
      let ids = document.ids(options.coverage)
      let isFirst = try seen.insert(ids)
      let isStored = try streams.allSatisfy { try $0?.contains(tokenIDs: ids) ?? false }
      let surveyed = SurveyedDocument(document: document, isNew: isFirst && !isStored)
      plan.add(
        tokens: ids.count, prompt: document.promptIDs.count, response: document.responseIDs.count,
        document.split, compute: surveyed.isNew)
      if try documents.insert(document.givenKey), try cache?.documentID(of: document) == nil {
        stored.documents += 1
        stored.givenBytes += document.givenBytes
        stored.readBytes += document.readBytes
      }
      try spool?.append(surveyed)
      if let window = cutter.add(surveyed) { count(window) }
    }
    if let window = cutter.finish() { count(window) }
    plan.outcomes = stream.outcomes
    stored.records = stored.records.mapValues { $0 * reading.layers.count }
  }

  private mutating func count(_ window: CorpusWindow) {
    plan.tokensToCompute += window.schedule.tokens
    work.tokens += window.schedule.tokens
    work.attended += window.schedule.attended
    work.passes += window.schedule.passCount
    stored.records.merge(window.schedule.records, uniquingKeysWith: +)
    guard !window.texts.isEmpty else { return }
    windows += 1
    if sample.count < Self.sampleSize {
      sample.append(window)
    } else {
      let place = Int(generator.next() % UInt64(windows))
      if place < Self.sampleSize { sample[place] = window }
    }
  }
}

/// Draws the sample: the same for the same corpus (SplitMix64).
private struct SampleGenerator: RandomNumberGenerator {
  private var state: UInt64 = 0

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
