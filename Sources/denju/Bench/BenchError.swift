/// Why a benchmark could not be run. Every description is one line.
enum BenchError: Error, CustomStringConvertible {
  /// A peer could not be started, or ended, or answered with something else than asked.
  case peer(name: String, reason: String)

  /// The corpus has nothing to measure on.
  case noText(corpus: String, missing: String)

  /// A document of that length does not fit into the source.
  case tooLong(source: String, length: Int, maximumPositions: Int)

  var description: String {
    switch self {
    case .peer(let name, let reason):
      "\(name): \(reason)"
    case .noText(let corpus, let missing):
      "\(corpus): it has no \(missing); name another corpus with --corpus"
    case .tooLong(let source, let length, let maximumPositions):
      "\(source): documents of \(length) tokens are longer than its \(maximumPositions) positions; "
        + "leave that length out of --lengths"
    }
  }
}
