/// What the pre-tokenizers' regular expressions ask of a scalar.
///
/// Unicode grows, and the answers of the standard library with it. Token ids must not depend on
/// the toolchain, so scalars younger than the version that the reference tokenizers know (their
/// Oniguruma has Unicode 16, their Rust 17) count as unassigned: neither letter nor number.
struct ScalarClass: OptionSet, Sendable {
  let rawValue: UInt8

  /// `\p{L}`.
  static let letter = ScalarClass(rawValue: 1)
  /// `\p{N}`.
  static let number = ScalarClass(rawValue: 2)
  /// `\s`: Unicode's White_Space.
  static let space = ScalarClass(rawValue: 4)
  /// What the `Digits` pre-tokenizer splits off: `\p{N}` of a later Unicode.
  static let digit = ScalarClass(rawValue: 8)
  /// Carriage return and line feed.
  static let newline = ScalarClass(rawValue: 16)
  /// `[\p{Lu}\p{Lt}]`.
  static let uppercase = ScalarClass(rawValue: 32)
  /// `\p{Ll}`.
  static let lowercase = ScalarClass(rawValue: 64)
  /// `\p{M}`.
  static let mark = ScalarClass(rawValue: 128)

  private static let regexVersion = 16
  private static let digitVersion = 17

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ scalar: Unicode.Scalar) {
    let properties = scalar.properties
    let age = properties.age?.major ?? .max
    switch properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter:
      self = age <= Self.regexVersion ? [.letter, .uppercase] : []
    case .lowercaseLetter:
      self = age <= Self.regexVersion ? [.letter, .lowercase] : []
    case .modifierLetter, .otherLetter:
      self = age <= Self.regexVersion ? .letter : []
    case .nonspacingMark, .spacingMark, .enclosingMark:
      self = age <= Self.regexVersion ? .mark : []
    case .decimalNumber, .letterNumber, .otherNumber:
      self = age <= Self.regexVersion ? .number : []
      if age <= Self.digitVersion { insert(.digit) }
    default:
      self = properties.isWhitespace ? .space : []
    }
    if scalar == "\r" || scalar == "\n" { insert(.newline) }
  }

  /// The classes of the basic multilingual plane by scalar value; surrogates have none.
  static let basicPlane: [ScalarClass] = (0...UInt16.max).map { value in
    Unicode.Scalar(value).map { ScalarClass($0) } ?? []
  }
}
