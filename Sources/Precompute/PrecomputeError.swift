/// Why a precompute run can't be: one line that a person can act on. Errors of files, corpora, the source
/// and the cache pass through in their own words.
public enum PrecomputeError: Error, Equatable, Sendable, CustomStringConvertible {
  case badLayer(asked: Int, layers: Int)
  case badLimit(name: String, found: Int)
  /// A plan for a model whose tokenizer is not there.
  case noTokenizer(path: String)

  public var description: String {
    switch self {
    case .badLayer(let asked, let layers):
      "--layer \(asked): this source has layers 0 (embedding) to \(layers), or -1 (the last) to -\(layers + 1)"
    case .badLimit(let name, let found):
      "--\(name) \(found): at least 1"
    case .noTokenizer(let path):
      "\(path) has no tokenizer: fetch tokenizer.json with the model"
    }
  }
}
