/// Why a benchmark could not be run. Every description is one line.
enum BenchError: Error, CustomStringConvertible {
  /// A peer could not be started, or ended, or answered with something else than asked.
  case peer(name: String, reason: String)

  /// The corpus has nothing to measure on.
  case noText(corpus: String, missing: String)

  /// A document of that length does not fit into the source.
  case tooLong(source: String, length: Int, maximumPositions: Int)

  /// No place for the tables.
  case unwritable(file: String, folder: String)

  /// A run that reads no states of prompts.
  case noPromptStates(run: String)

  /// A run of which one stream's states alone would not be all.
  case severalStreams(run: String)

  case noTestDocuments(cache: String)

  /// A cache whose states a run can't take in place of its own.
  case otherStates(cache: String, field: String, found: String, expected: String)

  /// A run that reads another layer than the one that is measured.
  case otherLayer(run: String, layer: Int, normalized: Bool)

  /// A cache that lacks a prompt.
  case noStates(cache: String, document: String)

  var description: String {
    switch self {
    case .peer(let name, let reason):
      "\(name): \(reason)"
    case .noText(let corpus, let missing):
      "\(corpus): it has no \(missing); name another corpus with --corpus"
    case .tooLong(let source, let length, let maximumPositions):
      "\(source): documents of \(length) tokens are longer than its \(maximumPositions) positions; "
        + "leave that length out of --lengths"
    case .unwritable(let file, let folder):
      "can't write \(file): there is no folder \(folder) that can be written to; name another with --out"
    case .noPromptStates(let run):
      "\(run): it reads no states of prompts; name a run of prompt conditioning, trained with states"
    case .severalStreams(let run):
      "\(run): it reads several streams, and this compares the states of one: name a run that reads one"
    case .noTestDocuments(let cache):
      "\(cache): it has no test documents; precompute some with --test or --test-share"
    case .otherStates(let cache, let field, let found, let expected):
      "\(cache): its \(field) is \(found), the run's \(expected); "
        + "precompute the other states with the run's source and layer"
    case .otherLayer(let run, let layer, let normalized):
      "\(run): it reads layer \(layer)'s states \(normalized ? "after" : "without") the final norm; "
        + "measure that layer with --layer, the last one after the norm"
    case .noStates(let cache, let document):
      "\(cache): it has no states of \(document)'s prompt; precompute it from the same corpus"
    }
  }
}
