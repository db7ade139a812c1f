/// Which tokens of a document have states.
public enum Coverage: String, Codable, Hashable, CaseIterable, Sendable {
  /// The prompt's.
  case prompt
  /// The prompt's and the response's.
  case document
}
