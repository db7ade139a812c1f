/// Why nothing can be generated: one line that a person can act on.
public enum GenerationError: Error, Equatable, Sendable, CustomStringConvertible {
  case invalidOption(name: String, found: String, allowed: String)
  /// The prompt has no token.
  case emptyPrompt
  /// A conversation, where the run was trained on plain prompts.
  case notOneMessage(count: Int)
  case tooLong(tokens: Int, limit: Int, whose: String)
  /// A miss, and no source to compute the states with.
  case noSource(hint: String)
  /// The source, or the cache, is not what the run was trained on.
  case otherIdentity(path: String, differences: String)
  /// The run's states were computed in a way that this program doesn't know.
  case unknownPrecision(String)
  case noTokenizer(run: String, reason: String)
  /// What the states' codec was fitted to is not there.
  case noFit(run: String, reason: String)

  public var description: String {
    switch self {
    case .invalidOption(let name, let found, let allowed):
      "\(name) is \(found): \(allowed)"
    case .emptyPrompt:
      "the prompt is empty"
    case .notOneMessage(let count):
      "the model was trained on plain prompts, and there are \(count) messages: send one, the user's"
    case .tooLong(let tokens, let limit, let whose):
      "the prompt has \(tokens) tokens, and the \(whose) takes \(limit): shorten it"
    case .noSource(let hint):
      "the prompt's states are not cached, and there is no source to compute them with"
        + (hint.isEmpty ? "" : " at \(hint)") + ": name it with --source"
    case .unknownPrecision(let found):
      "the run's states were computed in \(found), which this program doesn't know: use a newer denju"
    case .otherIdentity(let path, let differences):
      "\(path) is not what this run was trained on: \(differences)"
    case .noFit(let run, let reason):
      "\(run)/codec-fit: \(reason): name the cache that the run was trained on, with --cache, or train again"
    case .noTokenizer(let run, let reason):
      "\(run): its tokenizer can't be read: \(reason)"
    }
  }

  /// What the one who asked can mend, rather than the one who serves.
  public var isOfTheRequest: Bool {
    switch self {
    case .invalidOption, .emptyPrompt, .notOneMessage, .tooLong: true
    case .noSource, .otherIdentity, .unknownPrecision, .noTokenizer, .noFit: false
    }
  }
}
