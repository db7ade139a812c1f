import FeatureCache
import Training

/// Tokens a second of each stage of a pipeline, and what a token takes in the cache: the table after the
/// evaluation's.
struct StageRates {
  private var table = TextTable(["stage", "tokens/s"])

  /// The run of precomputing that computed most; a later one that found all done says nothing.
  mutating func addPrecompute(_ cache: FeatureCache) throws {
    let runs = try cache.table(.runs)
    guard let tokens = runs.columns.firstIndex(of: "tokens"),
      let rate = runs.columns.firstIndex(of: "tokens_per_second")
    else { return }
    let largest = runs.rows.max { Int($0[tokens] ?? "") ?? 0 < Int($1[tokens] ?? "") ?? 0 }
    if let text = largest?[rate], let value = Double(text) { add("precompute", value) }
  }

  mutating func addTraining(_ report: TrainingReport) {
    add("train \(report.name)", report.tokensPerSecond)
  }

  mutating func addDecoding(_ name: String, _ rate: Double?) {
    if let rate { add("generate \(name)", rate) }
  }

  private mutating func add(_ stage: String, _ rate: Double) {
    table.add([stage, "\(Int(rate.rounded()))"])
  }

  func show(_ cache: FeatureCache) throws {
    Terminal.result("")
    Terminal.result(table.text)
    let statistics = try cache.statistics()
    let tokens = max(statistics.storedTokens, 1)
    Terminal.result("")
    Terminal.result(
      "cache: \(statistics.stateBytes / tokens) bytes a token, as float32 \(statistics.float32Bytes / tokens)"
    )
    Terminal.result("")
  }
}
