import Foundation

/// Unicode normalisation form D, scalar by scalar. Those that were given a decomposition after
/// Unicode 12, which is what `tokenizers` has here, stay as they are.
enum FormD {
  private static let version = 12

  /// Where scalars with a decomposition are. Hangul syllables are computed.
  private static let blocks: [ClosedRange<UInt32>] = [
    0xC0...0x30FF, 0xF900...0xFB4F, 0x11000...0x1193F, 0x1D15E...0x1D1C0, 0x2F800...0x2FA1D,
  ]

  /// The decompositions that differ from their scalar, all the way down: Foundation's, of one
  /// text in which line feeds keep the scalars apart.
  private static let decompositions: [UInt32: [Unicode.Scalar]] = {
    var text = String.UnicodeScalarView()
    for scalar in blocks.joined().compactMap(Unicode.Scalar.init) {
      guard let age = scalar.properties.age?.major, age <= version else { continue }
      text.append(scalar)
      text.append("\n")
    }
    let forms = String(text).decomposedStringWithCanonicalMapping.unicodeScalars
      .split(separator: "\n")
    let scalars = text.split(separator: "\n")
    guard forms.count == scalars.count else { return [:] }
    return Dictionary(
      uniqueKeysWithValues: zip(scalars, forms).compactMap { scalar, form in
        guard let first = scalar.first, form.first != first || form.count > 1 else { return nil }
        return (first.value, Array(form))
      })
  }()

  /// Whether the scalar has a decomposition, or a combining class by which it is ordered.
  static func changes(_ scalar: Unicode.Scalar) -> Bool {
    isHangul(scalar) || decompositions[scalar.value] != nil || combiningClass(scalar) != 0
  }

  /// The scalars that `scalar` stands for.
  static func decomposition(of scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    isHangul(scalar) ? letters(of: scalar) : decompositions[scalar.value] ?? [scalar]
  }

  /// Combining scalars between two of class 0 are put in the order of their classes.
  static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
    guard scalar.value >= 0x300, let age = scalar.properties.age?.major, age <= version else {
      return 0
    }
    return scalar.properties.canonicalCombiningClass.rawValue
  }

  private static func isHangul(_ scalar: Unicode.Scalar) -> Bool {
    (0xAC00...0xD7A3).contains(scalar.value)
  }

  /// A syllable's letters, two or three (Unicode 16, section 3.12).
  private static func letters(of syllable: Unicode.Scalar) -> [Unicode.Scalar] {
    let index = syllable.value - 0xAC00
    let (lead, vowel, tail) = (index / 588, index % 588 / 28, index % 28)
    let values = [0x1100 + lead, 0x1161 + vowel] + (tail == 0 ? [] : [0x11A7 + tail])
    return values.compactMap(Unicode.Scalar.init)
  }
}
