import FeatureCache
import Identity

/// Why a precompute run can't be: one line that a person can act on. Errors of files, corpora, the source
/// and the cache pass through in their own words.
public enum PrecomputeError: Error, Equatable, Sendable, CustomStringConvertible {
  case badLayer(asked: Int, layers: Int)
  /// A layer that is named twice, by one number or two.
  case layerTwice(asked: Int, index: Int)
  case badLimit(name: String, found: Int)
  /// A cache whose states were computed in a way that this program doesn't know.
  case unknownPrecision(path: String, found: String)
  /// A cache of other states, where none may be added.
  case otherStates(path: String, differences: [IdentityDifference])
  /// A document over the limits, where that is fatal.
  case tooLong(place: String, tokens: Int, limit: Int)
  /// Asked to stop before anything was to be kept.
  case interrupted
  /// A file of states that can't be imported.
  case statesFile(path: String, problem: String)
  /// A codec can't be fitted on these texts.
  case cannotFit(String)
  /// A codec that is fitted, of a family that this program only reads.
  case noFitting(String)
  /// Whole documents' states of a source whose tokens see what is after them: the response among it.
  case noSteps(family: String)
  /// A source that writes nothing, where its output is needed.
  case noOutputLayer(family: String)
  /// No step of the transform codec adds so little loss, in nats a token.
  case allowanceNotMet(Double)
  /// The temporary file of encoded documents.
  case spool(folder: String, reason: String)

  /// What a cache refused, with what can be done where states may be added to it.
  public static func offeringBeside(_ error: CacheError) -> any Error {
    guard case .identityMismatch(let path, let differences) = error else { return error }
    return PrecomputeError.otherStates(path: path, differences: differences)
  }

  public var description: String {
    switch self {
    case .badLayer(let asked, let layers):
      "--layer \(asked): this source has layers 0 (embedding) to \(layers), or -1 (the last) to -\(layers + 1)"
    case .layerTwice(let asked, let index):
      "--layers: \(asked) is layer \(index), which is named before: name each layer once"
    case .unknownPrecision(let path, let found):
      "\(path): its states were computed in \(found), which this program doesn't know: use a newer denju"
    case .otherStates(let path, let differences):
      "\(path) holds other states: \(differences.map(\.description).joined(separator: "; ")): "
        + "name another cache, or store these beside them with --beside"
    case .badLimit(let name, let found):
      "--\(name) \(found): at least 1"
    case .tooLong(let place, let tokens, let limit):
      "\(place): \(tokens) tokens, and \(limit) is the limit: --too-long skip leaves such documents out, "
        + "--too-long truncate-left or truncate-right cuts them"
    case .interrupted:
      "stopped before anything was computed"
    case .statesFile(let path, let problem):
      "\(path): \(problem)"
    case .cannotFit(let reason):
      "can't fit the transform codec: \(reason): give more text to fit it on (precompute --fit-corpus, "
        + "cache codecs --fit), or use --codec int8"
    case .noFitting(let codec):
      "the codec \(codec) has to be fitted, which this program can't: choose another"
    case .noSteps(let family):
      "--conditioning aligned: a source of the \(family) family sees a document's later tokens, the very ones "
        + "that are to be written: use --conditioning prompt"
    case .noOutputLayer(let family):
      "a source of the \(family) family has no output layer, which the transform codec is fitted on: "
        + "use --codec int8, int4, float16 or float32"
    case .allowanceNotMet(let allowance):
      "no step of the transform codec was shown to add at most \(allowance) nats a token: allow more, or give "
        + "a larger corpus to show it on"
    case .spool(let folder, let reason):
      "can't keep the encoded corpus in a temporary file in \(folder): \(reason)"
    }
  }
}
