/// Whose states a generator is trained on, and tested with: its documents' own, or one of the baselines
/// that show what they are worth.
public enum StatesArm: String, Codable, CaseIterable, Sendable {
  /// The document's own.
  case own
  /// Another document's, drawn once by the seed.
  case shuffled
  /// None: the generator alone.
  case none
}
