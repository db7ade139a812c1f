import FeatureCache

/// What of a cache is to be read out, and how.
public struct ProbeOptions: Sendable {
  public var cache: String
  /// The streams' numbers; none: all of the file.
  public var streams: [Int] = []
  /// The set that is scored.
  public var scored = DocumentSplit.validation
  /// `nil`: as the training rows suggest.
  public var target: ProbeTarget?
  public var features = ProbeFeature.all
  /// At most so many rows of each set, drawn by the seed.
  public var limit = 10_000
  /// Of the folds, and of the draw of rows.
  public var seed: UInt64 = 0

  public init(cache: String) {
    self.cache = cache
  }

  /// Throws for what can't be meant.
  public func validate() throws(ProbingError) {
    guard limit >= CrossValidation.folds else {
      throw .badOption(
        name: "limit", found: limit, allowed: "at least \(CrossValidation.folds) rows")
    }
    let sets = [DocumentSplit.validation, .test]
    guard sets.contains(scored) else {
      throw .unknownName(option: "set", name: scored.rawValue, known: sets.map(\.rawValue))
    }
  }
}
