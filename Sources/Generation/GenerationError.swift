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
  /// A run that is to be made is there already.
  case runExists(String)
  /// Weights in a file that has to be run to be read.
  case pickled(path: String)
  /// Plain weights of a model that writes nothing.
  case noGenerator(path: String, family: String)
  /// Weights that were trained with another source or tokenizer.
  case importMismatch(path: String, item: String, other: String)
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
    case .runExists(let run):
      "\(run) holds a run already: name another folder"
    case .pickled(let path):
      "\(path) is a pickle, which runs what is in it: convert it to safetensors with "
        + "`python3 -c \"import sys, torch; from safetensors.torch import save_file; "
        + "t = torch.load(sys.argv[1], map_location='cpu', weights_only=True); "
        + "save_file({k: v.clone() for k, v in t.items()}, sys.argv[2])\" \(path) model.safetensors`"
    case .noGenerator(let path, let family):
      "\(path): a model of the \(family) family writes no text: name a decoder's weights"
    case .importMismatch(let path, let item, let other):
      "\(path) was trained with \(item), and \(other)"
    case .noTokenizer(let run, let reason):
      "\(run): its tokenizer can't be read: \(reason)"
    }
  }

  /// What the one who asked can mend, rather than the one who serves.
  public var isOfTheRequest: Bool {
    switch self {
    case .invalidOption, .emptyPrompt, .notOneMessage, .tooLong: true
    case .noSource, .otherIdentity, .unknownPrecision, .noTokenizer, .noFit, .runExists, .pickled,
      .noGenerator, .importMismatch:
      false
    }
  }
}
