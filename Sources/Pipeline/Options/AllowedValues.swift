/// The values of an option that the schema of pipeline files allows, beyond their type.
///
/// What is refused is decided by the stage's own check alone; a test asks it at both sides of every bound.
public enum AllowedValues: Sendable {
  /// Every value of the type is allowed.
  case all
  /// Integers up to a most, where there is one.
  case integers(from: Int, to: Int? = nil)
  /// Numbers between two bounds, each where there is one.
  case numbers(from: NumberBound? = nil, to: NumberBound? = nil)
  /// A number of at least 0 and at most 1.
  static let share = AllowedValues.numbers(from: .including(0), to: .including(1))
  /// A number of at least 0 and below 1.
  static let belowOne = AllowedValues.numbers(from: .including(0), to: .excluding(1))
  /// A text of at least one character.
  case text
  /// One of these words, where help and errors do not list them.
  case words([String])
  /// A text that an ECMA regular expression matches.
  case pattern(String)
}

/// An end of a range of numbers.
public enum NumberBound: Sendable {
  case including(Double)
  case excluding(Double)
}
