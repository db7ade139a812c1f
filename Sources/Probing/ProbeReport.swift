/// What can be read out of a cache's states, a reading a row, beside what can be had without states.
public struct ProbeReport: Sendable {
  /// A stream that is read.
  public struct Stream: Codable, Equatable, Sendable {
    public let number: Int
    public let source: String
    public let layer: Int
    public let normalized: Bool
    /// Which tokens a state depends on: `causal`, those up to its own, or an encoder's whole `document`.
    public let scope: String
    public let codec: String
    public let bytesPerToken: Double
  }

  /// How well answers were read out.
  public struct Score: Codable, Equatable, Sendable {
    /// The share of the scored rows that were answered right.
    public let accuracy: Double
    public let interval: WilsonInterval
  }

  /// A linear read-out of states.
  public struct Reading: Codable, Equatable, Sendable {
    /// One stream, or two side by side.
    public let streams: [Stream]
    public let feature: String
    /// Of all its streams, each in its source's own tokens.
    public let bytesPerToken: Double
    /// The same for a whole prompt, the mean over the scored rows.
    public let bytesPerPrompt: Double
    public let score: Score
    /// scikit-learn's C, 1 over the penalty.
    public let strength: Double
    /// Accuracy on held-out training rows, by which the strength was chosen.
    public let crossValidated: Double
    public let seconds: Double
  }

  /// What needs no states.
  public struct Baseline: Codable, Equatable, Sendable {
    public let name: String
    /// Of a bag of tokens: whose tokens.
    public let source: String?
    public let score: Score
    public let strength: Double?
    public let crossValidated: Double?
    public let seconds: Double?
  }

  /// What was asked, and of how many rows.
  public struct Question: Codable, Equatable, Sendable {
    public let cache: String
    public let set: String
    public let target: String
    /// Why that target, where it was not asked for.
    public let reason: String?
    /// Whose tokenizer's tokens are the answers, where they are tokens.
    public let tokenizer: String?
    public let classes: Int
    public let commonest: String
    public let trainingRows: Int
    public let scoredRows: Int
    /// Rows of both sets that one of the streams has no states for: left out of every reading.
    public let lackingRows: Int
    /// Scored rows whose answer no training row has: wrong for every reading.
    public let unknownAnswers: Int
    public let seed: UInt64
    public let seconds: Double
  }

  public let question: Question
  /// The best first; of equal ones, the one of fewer bytes.
  public let readings: [Reading]
  public let baselines: [Baseline]

  init(_ question: Question, _ readings: [Reading], _ baselines: [Baseline]) {
    self.question = question
    self.baselines = baselines
    self.readings = readings.enumerated().sorted { first, second in
      let (one, other) = (first.element, second.element)
      if one.score.accuracy != other.score.accuracy {
        return one.score.accuracy > other.score.accuracy
      }
      return (one.bytesPerPrompt, first.offset) < (other.bytesPerPrompt, second.offset)
    }.map(\.element)
  }

  public var best: Reading? { readings.first }

  /// The reading of fewest bytes whose accuracy is in the best one's interval; of equal bytes, the better.
  public var cheapest: Reading? {
    guard let best else { return nil }
    return readings.filter { $0.score.accuracy >= best.score.interval.lower }
      .min { $0.bytesPerPrompt < $1.bytesPerPrompt }
  }

  /// The best that can be had without states.
  public var bestBaseline: Baseline? {
    baselines.max { $0.score.accuracy < $1.score.accuracy }
  }
}
