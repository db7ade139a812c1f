import Corpora
import FeatureCache
import ModelFiles

extension Precompute {
  /// A plan from `config.json` and the corpus alone, for a model whose tokenizer and weights are not
  /// there yet: tokens are estimated from the text's bytes.
  public static func estimate(_ options: PrecomputeOptions) throws -> PrecomputePlan {
    let configuration = try ModelFolder.open(options.source).configuration
    let layer = try SourceReading.layer(options.layer, of: configuration)
    let limit = min(options.maxTokens ?? .max, configuration.maximumPositions)
    var plan = PrecomputePlan()
    plan.estimated = true
    let rows = try options.corpus.reader(badRows: options.badRows)
    while let (row, split) = try rows.next() {
      let response = tokens(row.response)
      let prompt: Int
      switch row.prompt {
      case .raw(let text): prompt = tokens(text)
      case .messages(let turns): prompt = turns.reduce(0) { $0 + tokens($1.content) + 4 }
      case .none: prompt = 0
      }
      let whole = prompt + response
      if whole > limit, options.tooLong == .fail || options.tooLong == .skip {
        plan.outcomes["skipped: too long", default: 0] += 1
        continue
      }
      plan.add(
        tokens: min(options.coverage == .prompt ? prompt : whole, limit), whole: min(whole, limit),
        isTrained: split == .train, compute: true)
    }
    for (label, count) in rows.bad.counts { plan.outcomes["skipped: \(label)"] = count }
    plan.cost(
      configuration, layer: layer, codec: options.codec,
      chunkTokens: FeatureCache.standardChunkTokens,
      operationsPerSecond: MatrixProbe.operationsPerSecond())
    return plan
  }

  /// English text and code in vocabularies of 50,000 to 150,000 tokens come to about so many bytes a token.
  private static let bytesPerToken = 3.6

  private static func tokens(_ text: String) -> Int {
    Int((Double(text.utf8.count) / bytesPerToken).rounded(.up))
  }
}
