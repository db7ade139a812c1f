import Identity

/// Something stored that is not what was stored, or does not fit together.
public struct CacheDamage: Equatable, Sendable, CustomStringConvertible {
  public enum Item: Equatable, Sendable {
    /// The SQLite file as such.
    case file
    /// A row of `records`.
    case record(Int64)
    /// A document's own row: its text can't be trusted.
    case document(DocumentID)
    /// The states of a document that is itself sound: computing them again mends it.
    case states(DocumentID, Coverage)
    /// A row of `runs`.
    case run(Int64)
    /// What all of a stream depends on.
    case stream
  }

  /// The stream that it is in, where it is in one.
  public var stream: Int?
  public let item: Item
  public let reason: String

  public var description: String {
    switch item {
    case .file: "the file: \(reason)"
    case .record(let row): "record in row \(row): \(reason)"
    case .document(let id): "\(id): \(reason)"
    case .states(let id, let coverage): "the states of the \(coverage) of \(id): \(reason)"
    case .run(let row): "run \(row): \(reason)"
    case .stream: "stream \(stream ?? 0): \(reason)"
    }
  }
}
