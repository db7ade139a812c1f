/// Why nothing can be read out: one line that a person can act on.
public enum ProbingError: Error, Equatable, Sendable, CustomStringConvertible {
  case badOption(name: String, found: Int, allowed: String)
  case unknownName(option: String, name: String, known: [String])
  case unknownStream(cache: String, number: Int, known: [Int])
  /// A set of the cache has no document in any of the streams.
  case noDocuments(cache: String, split: String)
  /// A stream that has none of the set's documents, or none with the states of its prompt.
  case noPromptStates(cache: String, stream: Int, split: String)
  /// Every document lacks the states of one stream or another.
  case nothingShared(cache: String, streams: [Int], split: String)
  case oneClass(cache: String, answer: String, target: String)
  /// Training rows that are too few to be cut into folds.
  case tooFewRows(cache: String, rows: Int)

  public var description: String {
    switch self {
    case .badOption(let name, let found, let allowed): "--\(name) \(found): \(allowed)"
    case .unknownName(let option, let name, let known):
      "--\(option) \(name): one of \(known.joined(separator: ", "))"
    case .unknownStream(let cache, let number, let known):
      "\(cache) has no stream \(number): there are \(Self.list(known))"
    case .noDocuments(let cache, let split):
      "\(cache) has no \(split) document: precompute with a \(split) set"
    case .noPromptStates(let cache, let stream, let split):
      "\(cache): stream \(stream) has no states of \(split) prompts: precompute them with "
        + "--conditioning prompt, or name other streams with --stream"
    case .nothingShared(let cache, let streams, let split):
      "\(cache) has no \(split) document with states in all of the streams \(Self.list(streams)): "
        + "name fewer with --stream"
    case .oneClass(let cache, let answer, let target):
      "all training rows of \(cache) have the same \(target), `\(answer)`: there is nothing to tell apart"
    case .tooFewRows(let cache, let rows):
      "\(cache) has \(rows) training rows to fit on: at least \(CrossValidation.folds) are needed"
    }
  }

  private static func list(_ numbers: [Int]) -> String {
    numbers.map(String.init).joined(separator: ", ")
  }
}
