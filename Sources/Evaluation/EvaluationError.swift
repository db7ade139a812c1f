/// Why nothing can be evaluated: one line that a person can act on.
public enum EvaluationError: Error, Equatable, Sendable, CustomStringConvertible {
  case noRuns
  case badLimit(Int)
  case noTestDocuments(cache: String)
  case unknownBaseline(String, runs: [String])
  case notEnoughToShow(asked: Int, documents: Int)

  public var description: String {
    switch self {
    case .noRuns: "name at least one training run with --run"
    case .badLimit(let limit): "--limit \(limit): at least 1"
    case .noTestDocuments(let cache):
      "\(cache) has no test document: precompute with a test set"
    case .unknownBaseline(let name, let runs):
      "--baseline \(name) is none of the runs: \(runs.joined(separator: ", "))"
    case .notEnoughToShow(let asked, let documents):
      "--few-shot \(asked): the cache has \(documents) training documents"
    }
  }
}
