/// Why nothing can be evaluated: one line that a person can act on.
public enum EvaluationError: Error, Equatable, Sendable, CustomStringConvertible {
  case noRuns
  case badOption(name: String, found: Int, allowed: String)
  case noTestDocuments(cache: String)
  case unknownBaseline(String, runs: [String])
  /// No run reads a stream of this number beside another.
  case noStreamToLeaveOut(number: Int, most: Int)
  /// The cache has not all streams that a run reads, as after a purge.
  case noStream(cache: String, run: String, number: Int)
  /// A stream of an arm lacks test documents.
  case missingDocuments(cache: String, stream: Int, missing: Int, documents: Int)
  case notEnoughToShow(asked: Int, documents: Int)
  /// The documents that are shown, the longest prompt and one token of an answer are more than the source's
  /// positions.
  case tooMuchToShow(shown: Int, tokens: Int, longest: Int, positions: Int)

  public var description: String {
    switch self {
    case .noRuns: "name at least one training run with --run"
    case .badOption(let name, let found, let allowed): "--\(name) \(found): \(allowed)"
    case .noTestDocuments(let cache):
      "\(cache) has no test document: precompute with a test set"
    case .unknownBaseline(let name, let runs):
      "--baseline \(name) is none of the runs: \(runs.joined(separator: ", "))"
    case .noStreamToLeaveOut(let number, let most):
      "--without-stream \(number): "
        + (most < 2
          ? "no run reads several streams, and one has to be left"
          : "the runs read at most \(most) streams, numbered from 1")
    case .noStream(let cache, let run, let number):
      "\(cache) has no states of \(run)'s stream \(number): precompute them again, or measure a run that "
        + "reads the others"
    case .missingDocuments(let cache, let stream, let missing, let documents):
      "\(cache), stream \(stream): it lacks \(missing) of \(documents) test documents; "
        + "precompute the same corpus for it"
    case .notEnoughToShow(let asked, let documents):
      "--few-shot \(asked): the cache has \(documents) training documents"
    case .tooMuchToShow(let shown, let tokens, let longest, let positions):
      "--few-shot \(shown): the documents shown have \(tokens) tokens and the longest prompt \(longest), "
        + "and the source has \(positions) positions: show fewer"
    }
  }
}
