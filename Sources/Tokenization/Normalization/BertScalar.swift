/// What BERT's normaliser and pre-tokenizer ask of a scalar.
///
/// The categories are Unicode 8's, which is what `tokenizers` has for them: a scalar that is
/// younger has none, and the few whose category has changed since keep the old one. So token ids
/// do not depend on the toolchain. Lower case and white space are today's, as they are there.
struct BertScalar: OptionSet, Sendable {
  let rawValue: UInt8

  /// Dropped by `clean_text`: NUL, U+FFFD, control, format and private-use characters.
  static let unclean = BertScalar(rawValue: 1)
  /// Unicode's White_Space.
  static let space = BertScalar(rawValue: 2)
  /// Parted from its neighbours by `handle_chinese_chars`.
  static let ideograph = BertScalar(rawValue: 4)
  /// A word by itself: ASCII's marks and symbols, and all of Unicode's punctuation.
  static let punctuation = BertScalar(rawValue: 8)
  /// A nonspacing mark, which `strip_accents` drops.
  static let accent = BertScalar(rawValue: 16)
  /// Written in lower case it is something else.
  static let uppercase = BertScalar(rawValue: 32)
  /// In normalisation form D it is something else, or must be ordered among its neighbours.
  static let decomposes = BertScalar(rawValue: 64)

  private static let version = 8

  /// Punctuation in Unicode 8: CANADIAN SYLLABICS CHI SIGN, SHARADA SANDHI MARK.
  private static let formerPunctuation: Set<UInt32> = [0x166D, 0x111C9]
  /// A nonspacing mark in Unicode 8: HANUNOO SIGN PAMUDPOD, AHOM CONSONANT SIGN MEDIAL RA.
  private static let formerMarks: Set<UInt32> = [0x1734, 0x1171E]
  /// None in Unicode 8: two Mongolian letters, a Javanese sign, the sandhi mark again.
  private static let laterMarks: Set<UInt32> = [0x1885, 0x1886, 0xA9BD, 0x111C9]

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init(_ scalar: Unicode.Scalar) {
    let properties = scalar.properties
    let value = scalar.value
    self = properties.isWhitespace ? .space : []
    if Self.isIdeograph(value) { insert(.ideograph) }
    if Self.changesInLowercase(scalar) { insert(.uppercase) }
    if FormD.changes(scalar) { insert(.decomposes) }
    if value == 0 || value == 0xFFFD { insert(.unclean) }
    if Self.isSymbol(value) || Self.formerPunctuation.contains(value) { insert(.punctuation) }
    if Self.formerMarks.contains(value) { insert(.accent) }
    guard let age = properties.age?.major, age <= Self.version else { return }
    switch properties.generalCategory {
    case .control, .format, .privateUse:
      if value != 0x09, value != 0x0A, value != 0x0D { insert(.unclean) }
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      insert(.punctuation)
    case .nonspacingMark:
      if !Self.laterMarks.contains(value) { insert(.accent) }
    default: break
    }
  }

  /// ASCII's marks and symbols.
  private static func isSymbol(_ value: UInt32) -> Bool {
    switch value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  /// The blocks of CJK ideographs as `tokenizers` has them. It begins extension E at U+2B920,
  /// 256 after Unicode and BERT do.
  private static func isIdeograph(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F,
      0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  private static func changesInLowercase(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter, .letterNumber, .otherSymbol:
      scalar.properties.lowercaseMapping.unicodeScalars.first != scalar
    default: false
    }
  }

  /// Those of the basic multilingual plane by scalar value; surrogates have none.
  fileprivate static let basicPlane: [BertScalar] = (0...UInt16.max).map { value in
    Unicode.Scalar(value).map { BertScalar($0) } ?? []
  }
}

/// All scalars' classes, looked up where they are looked up often.
struct BertScalars {
  private let basicPlane = BertScalar.basicPlane

  subscript(_ scalar: Unicode.Scalar) -> BertScalar {
    scalar.value < basicPlane.count ? basicPlane[Int(scalar.value)] : BertScalar(scalar)
  }
}
