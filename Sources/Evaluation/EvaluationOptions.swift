import Generation

/// What is evaluated. The same words as the command line's.
public struct EvaluationOptions: Codable, Equatable, Sendable {
  /// Folders of training runs: a row each.
  public var runs: [String]
  /// The run that the others are compared with; `nil`: the first.
  public var baseline: String?
  /// The cache with the test documents; `nil`: the first run's own.
  public var cache: String?
  /// Where the source is; `nil`: where it was.
  public var source: String?
  /// Where more sources are, of runs that read several.
  public var furtherSources: [String]?
  /// Streams of a run, by their numbers in it, that a further arm of it is without; `nil`: none.
  public var withoutStreams: [Int]?
  /// Training documents the source is shown before it is asked itself; 0: it is not asked.
  public var fewShot = 0
  public var limit: Int?
  public var maxNewTokens = 32
  /// How many paths the search for an answer follows; `nil`: one, no search.
  private var searchedPaths: Int?
  /// Whether answers are generated, beside measuring losses.
  public var answers = true
  /// `aligned`: whether the loss along freely decoded answers is measured too.
  public var freeRunning = false
  public var seed: UInt64 = 0

  public init(runs: [String]) {
    self.runs = runs
  }

  /// Where the sources are, in any order.
  public var sources: [String] {
    get { (source.map { [$0] } ?? []) + (furtherSources ?? []) }
    set {
      source = newValue.first
      furtherSources = newValue.count > 1 ? Array(newValue.dropFirst()) : nil
    }
  }

  /// How many paths the search for an answer follows; 1: none.
  public var beams: Int {
    get { searchedPaths ?? 1 }
    set { searchedPaths = newValue == 1 ? nil : newValue }
  }

  /// Streams that a further arm is without: an arm each.
  public var leftOut: [Int] {
    get { withoutStreams ?? [] }
    set {
      let once = newValue.enumerated().filter { !newValue[..<$0.offset].contains($0.element) }
      withoutStreams = once.isEmpty ? nil : once.map(\.element)
    }
  }

  /// Throws for what can be known to be wrong without opening anything.
  public func validate() throws(EvaluationError) {
    guard !runs.isEmpty else { throw .noRuns }
    if let baseline, !runs.contains(baseline) {
      throw .unknownBaseline(baseline, runs: runs)
    }
    func require(_ name: String, _ value: Int, atLeast least: Int) throws(EvaluationError) {
      guard value >= least else {
        throw .badOption(name: name, found: value, allowed: "at least \(least)")
      }
    }
    if let limit { try require("limit", limit, atLeast: 1) }
    try require("few-shot", fewShot, atLeast: 0)
    try require("max-new-tokens", maxNewTokens, atLeast: 1)
    guard (1...SamplingOptions.mostBeams).contains(beams) else {
      throw .badOption(name: "beams", found: beams, allowed: "1 to \(SamplingOptions.mostBeams)")
    }
  }
}
