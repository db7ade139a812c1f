import ModelFiles

/// Why a generator could not be built, read, written or run. One line each.
public enum GeneratorError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A configuration that no generator can have.
  case configuration(item: String, expected: String, found: String)

  /// A file of weights or a model folder could not be used.
  case file(ModelFileError)

  /// A checkpoint's folder is incomplete, damaged or of another module.
  case checkpoint(path: String, item: String, expected: String, found: String)

  /// The file system refused to write a checkpoint; `reason` is in its words.
  case unwritable(path: String, reason: String)

  /// A document does not fit the generator. `document` is its place in the batch.
  case document(Int, item: String, expected: String, found: String)

  /// What was asked for has no meaning in this conditioning.
  case unsupported(item: String, advice: String)

  /// The one who asked for a step does not want it any more.
  case stopped

  /// A sequence has used all positions that the generator was built with.
  case positionsExhausted(limit: Int)

  public var description: String {
    switch self {
    case .configuration(let item, let expected, let found):
      "generator configuration: \(item): expected \(expected), found \(found)"
    case .file(let error):
      error.description
    case .checkpoint(let path, let item, let expected, let found):
      "\(path): \(item): expected \(expected), found \(found); use another checkpoint or train again"
    case .unwritable(let path, let reason):
      "\(path): cannot be written: \(reason); check the folder, its permissions and the free space"
    case .document(let place, let item, let expected, let found):
      "document \(place) of the batch: \(item): expected \(expected), found \(found)"
    case .unsupported(let item, let advice):
      "\(item) is not possible here; \(advice)"
    case .stopped:
      "the step was stopped"
    case .positionsExhausted(let limit):
      "the generator has \(limit) positions and all are used; shorten the prompt or the answer"
    }
  }
}

/// Runs `body`, whose error is of a model file, as part of this module.
package func readingFiles<Result>(
  _ body: () throws(ModelFileError) -> Result
) throws(GeneratorError) -> Result {
  do {
    return try body()
  } catch {
    throw .file(error)
  }
}
