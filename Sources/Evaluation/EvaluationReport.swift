/// What evaluation found, an arm a row.
public struct EvaluationReport: Codable, Equatable, Sendable {
  public struct Arm: Codable, Equatable, Sendable {
    public var name: String
    public var run: String?
    /// `own`, `shuffled`, `none`; `source` for the source itself.
    public var states: String
    public var documents: Int
    /// Nats a response token, with the right tokens given.
    public var loss: Double?
    /// `aligned`: the same when the generator is fed as in decoding, with the states of the tokens so far
    /// alone. Equal to `loss` under the causal mask.
    public var freeRunningLoss: Double?
    /// Share of answers equal to the right one.
    public var exactMatch: Double?
    /// Against the baseline: mean difference and its paired 95% interval.
    public var difference: PairedBootstrap?
    public var tokensPerSecond: Double?
    /// From the prompt's tokens to the whole answer, its states found in the cache.
    public var secondsPerAnswer: Double?
    public var answers: [String]?
  }

  /// A hash of what was asked: options, documents, states and weights. `nil` in reports of before it was kept.
  public var asked: String?
  public var cache: String
  public var baseline: String
  public var seed: UInt64
  public var arms: [Arm]
}
