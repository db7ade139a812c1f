import ModelFiles

/// Why a knowledge source could not be opened or run. Every description is one line.
public enum KnowledgeSourceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model's files: a tensor is missing or has another shape, a type cannot be read.
  case files(ModelFileError)

  /// A decoder is needed, whose tokens see what is before them, and the model is none.
  case noDecoder(path: String, family: String)

  /// A token id outside the vocabulary, at `position` in its document.
  case tokenOutOfRange(id: Int32, position: Int, vocabularySize: Int)

  /// More tokens than the model has positions.
  case tooLong(count: Int, maximumPositions: Int)

  /// A session would outgrow the capacity it was made with.
  case sessionFull(count: Int, capacity: Int)

  /// A layer that the model has not. Layers go from 0, the embedding, to `layerCount`.
  case layerOutOfRange(layer: Int, layerCount: Int)

  public var description: String {
    switch self {
    case .files(let error):
      error.description
    case .noDecoder(let path, let family):
      "\(path): a model of the \(family) family sees whole documents, so it can't go on token by token; "
        + "use one that predicts the next token"
    case .tokenOutOfRange(let id, let position, let vocabularySize):
      "token id \(id) at position \(position) is outside the vocabulary of \(vocabularySize); "
        + "check that the tokenizer belongs to the source"
    case .tooLong(let count, let maximumPositions):
      "\(count) tokens are more than the source's \(maximumPositions) positions; "
        + "shorten or truncate the text"
    case .sessionFull(let count, let capacity):
      "\(count) tokens are more than the session's capacity of \(capacity)"
    case .layerOutOfRange(let layer, let layerCount):
      "layer \(layer) does not exist; the source has layers 0 (embedding) to \(layerCount), "
        + "or -1 to -\(layerCount + 1) from the end"
    }
  }
}
