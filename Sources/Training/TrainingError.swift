/// Why training can't go on: one line that a person can act on.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  case invalidOption(name: String, found: String, allowed: String)
  /// The cache has no document of a set that is needed.
  case noDocuments(cache: String, split: String)
  /// The cache has states of the prompts where those of whole documents are needed.
  case missingStates(cache: String, conditioning: String, found: Int, needed: Int)
  /// Some documents have states in some of the streams alone.
  case streamsDiffer(cache: String, split: String, documents: Int, found: [String])
  /// There is a run already, and it was not asked to go on.
  case runExists(path: String)
  case noRun(path: String, missing: String)
  /// The run was made with other options or from another cache.
  case runDiffers(path: String, what: String, run: String, here: String)
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  case vocabularyTooSmall(document: String, token: Int32, vocabulary: Int)
  case tooLong(document: String, tokens: Int, positions: Int)
  /// A tokenizer that can't write text back, or has no token to end with, where the generator's is needed.
  case noWriting(isSources: Bool)
  /// More memory than there is.
  case tooLarge(bytes: Int, memory: Int)
  /// The loss is not a number any more.
  case diverged(step: Int, loss: Float)

  public var description: String {
    switch self {
    case .invalidOption(let name, let found, let allowed):
      "--\(name) is \(found): \(allowed)"
    case .noDocuments(let cache, let split):
      "\(cache) has no \(split) document: run `denju precompute` with a \(split) set"
    case .missingStates(let cache, let conditioning, let found, let needed):
      "\(cache) has the states that `\(conditioning)` conditioning needs for \(found) of \(needed) documents: "
        + "run `denju precompute --conditioning \(conditioning)`"
    case .streamsDiffer(let cache, let split, let documents, let found):
      "\(cache) has states of its \(documents) \(split) documents for \(found.joined(separator: " and ")): "
        + "precompute the same corpus for each, or train on one"
    case .runExists(let path):
      "\(path) holds a run already: go on with it by --resume, or name another folder"
    case .noRun(let path, let missing):
      "\(path) is not a run: it has no \(missing)"
    case .runDiffers(let path, let what, let run, let here):
      "\(path) can't go on here: its \(what) is \(run), and here it is \(here)"
    case .unreadable(let path, let reason):
      "can't read \(path): \(reason)"
    case .unwritable(let path, let reason):
      "can't write \(path): \(reason)"
    case .vocabularyTooSmall(let document, let token, let vocabulary):
      "\(document) has token \(token), and the generator knows \(vocabulary): give it the tokenizer it was made for"
    case .tooLong(let document, let tokens, let positions):
      "\(document) has \(tokens) tokens for a generator of \(positions) positions: "
        + "use --positions, --generator-prompt last:N, or precompute with --max-tokens"
    case .noWriting(let isSources):
      "\(isSources ? "the source's tokenizer" : "the generator's tokenizer") can't write an answer: it has no way back to text, or "
        + "no token to end with; name the generator's own with --tokenizer, as a model's folder"
    case .tooLarge(let bytes, let memory):
      "training takes \(Self.gigabytes(bytes)) of memory, and there are \(Self.gigabytes(memory)): make the "
        + "generator smaller, or run a step in parts by --accumulate; --plan says what takes how much"
    case .diverged(let step, let loss):
      "the loss is \(loss) at step \(step): lower the learning rates or the clipping norm; "
        + "the checkpoints of before are intact"
    }
  }

  private static func gigabytes(_ bytes: Int) -> String {
    "\((Double(bytes) / 1e8).rounded() / 10) GB"
  }
}
