import Architectures
import Corpora
import FeatureCache
import Identity
import ModelFiles

extension Precompute {
  /// A plan from `config.json` and the corpus alone, for a model whose tokenizer and weights are not
  /// there yet: tokens are estimated from the text's bytes.
  public static func estimate(_ options: PrecomputeOptions) throws -> PrecomputePlan {
    let configuration = try ModelFolder.open(options.source).architecture()
    let layer = try options.layers.map { try SourceReading.layer($0, of: configuration) }.max() ?? 0
    let limit = min(options.maxTokens ?? .max, configuration.maximumPositions)
    var plan = PrecomputePlan()
    plan.estimated = true
    var cost = PlanCost(
      model: configuration, layer: layer, codec: options.codec,
      emptyFile: PlanCost.usualEmptyFile)
    cost.stored.idWidth = TokenIDs.width(vocabulary: configuration.vocabularySize)
    let rows = try options.rows()
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
      let covered = min(options.coverage == .prompt ? prompt : whole, limit)
      plan.add(
        tokens: covered, prompt: min(prompt, limit),
        response: min(whole, limit) - min(prompt, limit),
        DocumentSplit(split), compute: true)
      cost.add(row, tokens: covered, whole: min(whole, limit))
    }
    for (label, count) in rows.bad.counts { plan.outcomes["skipped: \(label)"] = count }
    plan.tokensToCompute = plan.tokensBeforeSharing
    cost.stored.records = cost.stored.records.mapValues { $0 * options.layers.count }
    cost.estimate(&plan)
    return plan
  }

  /// English text and code in vocabularies of 50,000 to 150,000 tokens come to about so many bytes a token.
  private static let bytesPerToken = 3.6

  private static func tokens(_ text: String) -> Int {
    Int((Double(text.utf8.count) / bytesPerToken).rounded(.up))
  }
}

extension PlanCost {
  /// Adds a row whose tokens are estimated, as a document that shares nothing.
  fileprivate mutating func add(_ row: CorpusRow, tokens: Int, whole: Int) {
    work.tokens += tokens
    work.attended += tokens * (tokens + 1) / 2
    let chunk = FeatureCache.standardChunkTokens
    if tokens >= chunk { stored.records[chunk, default: 0] += tokens / chunk }
    if tokens % chunk > 0 { stored.records[tokens % chunk, default: 0] += 1 }
    stored.documents += 1
    stored.givenBytes += row.splitBytes.count + row.response.utf8.count
    stored.readBytes += stored.idWidth * whole
  }
}
