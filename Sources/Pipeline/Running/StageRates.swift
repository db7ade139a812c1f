import FeatureCache
import Training

/// Tokens a second of each stage of a pipeline, and what a token takes in the cache.
public struct StageRates: Sendable {
  /// A stage, as "train own", with its tokens a second.
  public struct Rate: Sendable {
    public let stage: String
    public let tokensPerSecond: Double
  }

  public private(set) var rates: [Rate] = []
  /// Bytes of states in the cache, of the same as float32, and the tokens they are of, at least 1.
  public private(set) var stateBytes = 0
  public private(set) var float32Bytes = 0
  public private(set) var storedTokens = 1

  init() {}

  /// Adds the rate of the precomputing that computed most, of all that are noted in the cache, and the
  /// cache's sizes. Precomputing that found all done says nothing of a rate.
  mutating func addPrecompute(_ cache: FeatureCache) throws {
    let statistics = try cache.statistics()
    stateBytes = statistics.stateBytes
    float32Bytes = statistics.float32Bytes
    storedTokens = max(statistics.storedTokens, 1)
    let noted = try cache.table(.runs)
    guard let tokens = noted.columns.firstIndex(of: "tokens"),
      let rate = noted.columns.firstIndex(of: "tokens_per_second")
    else { return }
    let largest = noted.rows.max { Int($0[tokens] ?? "") ?? 0 < Int($1[tokens] ?? "") ?? 0 }
    if let text = largest?[rate], let value = Double(text) { add("precompute", value) }
  }

  mutating func addTraining(_ report: TrainingReport) {
    add("train \(report.name)", report.tokensPerSecond)
  }

  mutating func addDecoding(_ arm: String, _ rate: Double?) {
    if let rate { add("generate \(arm)", rate) }
  }

  private mutating func add(_ stage: String, _ rate: Double) {
    rates.append(Rate(stage: stage, tokensPerSecond: rate))
  }
}
