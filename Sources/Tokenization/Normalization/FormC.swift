import Foundation

/// Unicode normalisation form C.
struct FormC: Normalizer {
  static func isWritten(as types: [String]) -> Bool { types == ["NFC"] }

  let name = "nfc"
  let json: String? = #"{"type":"NFC"}"#

  init() {}

  init(_ steps: [TokenizerStep]) {}

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func normalized(_ text: [UInt8]) -> [UInt8] { NFC.normalized(text) }
}

/// Form C by way of Foundation, in linear time and right.
///
/// Foundation's own ordering of combining marks is quadratic in the length of a run, minutes for
/// a hostile megabyte, and it does not order the marks within the three Tibetan vowels whose own
/// combining class is zero. So those are decomposed and every run is ordered beforehand; both
/// keep canonical equivalence, and what is ordered already Foundation composes in linear time.
enum NFC {
  /// Text below U+0300 is in form C as it stands: nothing there combines or is excluded.
  private static let firstMark: UInt8 = 0xCC

  static func normalized(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(where: { $0 >= firstMark }) else { return text }
    var view = String.UnicodeScalarView()
    var marks: [(scalar: Unicode.Scalar, order: Int)] = []
    func flush() {
      // The position breaks ties: the standard library does not promise a stable sort.
      if marks.count > 1 { marks.sort { $0.order < $1.order } }
      for mark in marks { view.append(mark.scalar) }
      marks.removeAll(keepingCapacity: true)
    }
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      for part in tibetanVowels[scalar] ?? [scalar] {
        let combining =
          part.value < 0x300 ? 0 : Int(part.properties.canonicalCombiningClass.rawValue)
        if combining == 0 {
          flush()
          view.append(part)
        } else {
          marks.append((part, combining << 40 | marks.count))
        }
      }
    }
    flush()
    return Array(String(view).precomposedStringWithCanonicalMapping.utf8)
  }

  private static let tibetanVowels: [Unicode.Scalar: [Unicode.Scalar]] = [
    "\u{F73}": ["\u{F71}", "\u{F72}"],
    "\u{F75}": ["\u{F71}", "\u{F74}"],
    "\u{F81}": ["\u{F71}", "\u{F80}"],
  ]
}
