import FeatureCache
import Identity
import Numerics

/// Asks which of a cache's streams carry the answer, before anything is trained: a linear read-out for every
/// stream and pair of streams, fitted on the training rows and scored on another set.
public struct Probe {
  private let options: ProbeOptions
  private let streams: [FeatureCache]
  private let training: ProbeSet
  private let scored: ProbeSet
  private let target: ProbeTarget
  private let reason: String?
  /// The stream whose source's tokens are the answers, where they are tokens: the first decoder's.
  private let speaker: Int
  private let classes: AnswerClasses
  private let folds: CrossValidation

  /// Finds the rows and their answers. States are read by `run`.
  ///
  /// - Throws: `ProbingError`, and what opening and reading a cache throws.
  public init(_ options: ProbeOptions) throws {
    try options.validate()
    self.options = options
    streams = try Self.streams(options)
    training = try ProbeSet(streams, .train, limit: options.limit, seed: options.seed)
    scored = try ProbeSet(streams, options.scored, limit: options.limit, seed: options.seed)
    guard training.rows.count >= CrossValidation.folds else {
      throw ProbingError.tooFewRows(cache: options.cache, rows: training.rows.count)
    }
    let suggestion = ProbeTarget.suggested(training.rows)
    let target = options.target ?? suggestion.target
    self.target = target
    reason = options.target == nil ? suggestion.reason : nil
    let speaker = streams.firstIndex { $0.identity.scope == .causal } ?? 0
    self.speaker = speaker
    let read = try target.reader(streams[speaker], speaker)
    classes = AnswerClasses(training: training.rows.map(read), scored: scored.rows.map(read))
    guard classes.count > 1 else {
      throw ProbingError.oneClass(
        cache: options.cache, answer: classes.text(0), target: target.name)
    }
    folds = CrossValidation(training.rows.count, seed: options.seed)
  }

  private static func streams(_ options: ProbeOptions) throws -> [FeatureCache] {
    let all = try FeatureCache.open(options.cache, stream: .first).streams()
    for number in options.streams where !all.contains(where: { $0.number == number }) {
      throw ProbingError.unknownStream(
        cache: options.cache, number: number, known: all.map(\.number))
    }
    return options.streams.isEmpty ? all : all.filter { options.streams.contains($0.number) }
  }

  /// Every stream, then every pair, by their places.
  private var combinations: [[Int]] {
    streams.indices.map { [$0] }
      + streams.indices.flatMap { first in
        streams.indices.dropFirst(first + 1).map { [first, $0] }
      }
  }

  /// Reads the states and fits every read-out.
  ///
  /// - Parameter progress: told how many read-outs of how many are done; what it throws ends the work.
  public func run(progress: (_ done: Int, _ total: Int) throws -> Void) throws -> ProbeReport {
    let began = ContinuousClock.now
    let total = combinations.count * options.features.count + 1
    var done = 0
    func step() throws {
      done += 1
      try progress(done, total)
    }
    try progress(0, total)
    let states = try streams.indices.map { try PooledPair(self, $0) }
    let descriptions = try streams.map(Self.description)
    var readings: [ProbeReport.Reading] = []
    for places in combinations {
      for feature in options.features {
        readings.append(reading(places, feature, states, descriptions))
        try step()
      }
    }
    let baselines = [chance, commonest, bag]
    try step()
    return ProbeReport(
      question((ContinuousClock.now - began).inSeconds), readings, baselines)
  }

  /// What the pools make of a stream's states, for both sets; training rows in the folds' order.
  private struct PooledPair {
    let training: PooledStates
    let scored: PooledStates

    init(_ probe: Probe, _ place: Int) throws {
      var pools: [Pool] = []
      for pool in probe.options.features.flatMap(\.pools)
      where !pools.contains(where: { $0.name == pool.name }) {
        pools.append(pool)
      }
      let stream = probe.streams[place]
      training = try PooledStates(
        stream, at: place, rows: probe.folds.order.map { probe.training.rows[$0] }, pools: pools)
      scored = try PooledStates(stream, at: place, rows: probe.scored.rows, pools: pools)
    }
  }

  private func reading(
    _ places: [Int], _ feature: ProbeFeature, _ states: [PooledPair],
    _ descriptions: [ProbeReport.Stream]
  ) -> ProbeReport.Reading {
    let began = ContinuousClock.now
    let width = places.reduce(0) { $0 + streams[$1].width * feature.pools.count }
    let found = readOut(width: width, scales: true) { known, asked in
      var column = 0
      for place in places {
        for pool in feature.pools {
          states[place].training.write(pool, to: known, column: column)
          states[place].scored.write(pool, to: asked, column: column)
          column += streams[place].width
        }
      }
    }
    let read = places.map { descriptions[$0] }
    return ProbeReport.Reading(
      streams: read, feature: feature.name,
      bytesPerToken: read.reduce(0) { $0 + $1.bytesPerToken },
      bytesPerPrompt: zip(places, read).reduce(0) { $0 + $1.1.bytesPerToken * tokens($1.0) },
      score: score(found.answers), strength: found.strength,
      crossValidated: found.crossValidated, seconds: (ContinuousClock.now - began).inSeconds)
  }

  /// A read-out of features that `write` puts into rows, the training rows in the folds' order.
  private func readOut(
    width: Int, scales: Bool, _ write: (_ training: Rows, _ scored: Rows) -> Void
  ) -> ReadOut {
    let known = FloatBuffer(count: training.rows.count * width)
    let asked = FloatBuffer(count: scored.rows.count * width)
    let rows = Rows(known.base, count: training.rows.count, width: width)
    let others = Rows(asked.base, count: scored.rows.count, width: width)
    write(rows, others)
    return ReadOut(
      training: rows, scored: others, answers: folds.order.map { classes.training[$0] },
      classes: classes.count, folds: folds, scales: scales)
  }

  private func score(_ answers: [Int32]) -> ProbeReport.Score {
    score(right: classes.right(answers))
  }

  private func score(right: Int) -> ProbeReport.Score {
    ProbeReport.Score(
      accuracy: Double(right) / Double(scored.rows.count),
      interval: WilsonInterval(right: right, of: scored.rows.count))
  }

  /// Tokens of a scored row's prompt in a stream's source, the mean.
  private func tokens(_ place: Int) -> Double {
    let sum = scored.rows.reduce(0) { $0 + $1.places[place].promptIDs.count }
    return Double(sum) / Double(scored.rows.count)
  }

  // MARK: Without states

  private var chance: ProbeReport.Baseline {
    let accuracy = 1 / Double(classes.count)
    return ProbeReport.Baseline(
      name: "chance", source: nil,
      score: ProbeReport.Score(
        accuracy: accuracy, interval: WilsonInterval(exactly: accuracy)),
      strength: nil, crossValidated: nil, seconds: nil)
  }

  private var commonest: ProbeReport.Baseline {
    ProbeReport.Baseline(
      name: "commonest answer", source: nil,
      score: score([Int32](repeating: classes.commonest, count: scored.rows.count)),
      strength: nil, crossValidated: nil, seconds: nil)
  }

  /// What the prompts' tokens give, those of the first stream's source.
  private var bag: ProbeReport.Baseline {
    let began = ContinuousClock.now
    let known = folds.order.map { training.rows[$0].places[0].promptIDs }
    let asked = scored.rows.map { $0.places[0].promptIDs }
    let bag = BagOfTokens(known)
    // Counts have one unit already, and scaled by its deviation a rare token would outweigh all others.
    let found = readOut(width: bag.width, scales: false) { rows, others in
      bag.write(known, to: rows)
      bag.write(asked, to: others)
    }
    return ProbeReport.Baseline(
      name: "bag of tokens", source: streams[0].source.name, score: score(found.answers),
      strength: found.strength, crossValidated: found.crossValidated,
      seconds: (ContinuousClock.now - began).inSeconds)
  }

  // MARK: In words

  private static func description(_ stream: FeatureCache) throws -> ProbeReport.Stream {
    ProbeReport.Stream(
      number: stream.number, source: stream.source.name, layer: stream.identity.layer,
      normalized: stream.identity.normalized, scope: stream.identity.scope.rawValue,
      codec: stream.codec.name, bytesPerToken: try stream.statistics().bytesPerToken)
  }

  private func question(_ seconds: Double) -> ProbeReport.Question {
    ProbeReport.Question(
      cache: options.cache, set: options.scored.rawValue, target: target.name, reason: reason,
      tokenizer: target.isOfTokens ? streams[speaker].source.name : nil, classes: classes.count,
      commonest: classes.text(classes.commonest), trainingRows: training.rows.count,
      scoredRows: scored.rows.count, lackingRows: training.lacking + scored.lacking,
      unknownAnswers: classes.scored.count { $0 == nil }, seed: options.seed, seconds: seconds)
  }
}
