/// BERT's normaliser: cleans text, parts ideographs, drops accents, writes in lower case, each
/// where it is asked to, in that order.
struct BertNormalizer: Normalizer {
  static func isWritten(as types: [String]) -> Bool { types == ["BertNormalizer"] }

  let cleansText: Bool
  let partsIdeographs: Bool
  let stripsAccents: Bool
  let lowercases: Bool

  init(cleansText: Bool, partsIdeographs: Bool, stripsAccents: Bool, lowercases: Bool) {
    self.cleansText = cleansText
    self.partsIdeographs = partsIdeographs
    self.stripsAccents = stripsAccents
    self.lowercases = lowercases
  }

  /// Where `strip_accents` is not given, accents are dropped with the case.
  init(_ steps: [TokenizerStep]) throws(TokenizerError) {
    let fields = steps[0].fields
    let lowercases = try fields.bool("lowercase") ?? true
    self.init(
      cleansText: try fields.bool("clean_text") ?? true,
      partsIdeographs: try fields.bool("handle_chinese_chars") ?? true,
      stripsAccents: try fields.bool("strip_accents") ?? lowercases, lowercases: lowercases)
  }

  init?(name: String) {
    let words = name.split(separator: " ").map(String.init)
    self.init(
      cleansText: words.contains("clean"), partsIdeographs: words.contains("ideographs"),
      stripsAccents: words.contains("accents"), lowercases: words.contains("lowercase"))
    guard name == self.name else { return nil }
  }

  var name: String {
    let settings = [
      cleansText ? "clean" : nil, partsIdeographs ? "ideographs" : nil,
      stripsAccents ? "accents" : nil, lowercases ? "lowercase" : nil,
    ]
    return (["bert"] + settings.compactMap(\.self)).joined(separator: " ")
  }

  func normalized(_ text: [UInt8]) -> [UInt8] {
    var writer = BertWriter(self, capacity: text.count + text.count / 4)
    var position = 0
    while position < text.count {
      let (scalar, length) = UTF8Text.scalar(in: text, at: position)
      writer.write(scalar)
      position += length
    }
    return writer.finished()
  }
}

/// Normalised text as it grows, a scalar at a time.
private struct BertWriter {
  private let settings: BertNormalizer
  private let classes = BertScalars()
  private var bytes: [UInt8] = []
  /// Combining scalars that wait for the end of their run, each with the class it is ordered by.
  private var run: [(scalar: Unicode.Scalar, order: Int)] = []

  init(_ settings: BertNormalizer, capacity: Int) {
    self.settings = settings
    bytes.reserveCapacity(capacity)
  }

  mutating func write(_ scalar: Unicode.Scalar) {
    let kind = classes[scalar]
    if settings.cleansText {
      if kind.contains(.unclean) { return }
      if kind.contains(.space) { return strip(" ", []) }
    }
    guard settings.partsIdeographs, kind.contains(.ideograph) else { return strip(scalar, kind) }
    strip(" ", [])
    strip(scalar, kind)
    strip(" ", [])
  }

  mutating func finished() -> [UInt8] {
    flush()
    return bytes
  }

  private mutating func strip(_ scalar: Unicode.Scalar, _ kind: BertScalar) {
    guard settings.stripsAccents else { return lowercase(scalar, kind) }
    guard kind.contains(.decomposes) else {
      flush()
      if !kind.contains(.accent) { lowercase(scalar, kind) }
      return
    }
    for part in FormD.decomposition(of: scalar) {
      let kind = classes[part]
      let combining = FormD.combiningClass(part)
      // The accents are gone before anyone sees their order.
      if kind.contains(.accent) {
        if combining == 0 { flush() }
      } else if combining == 0 {
        flush()
        lowercase(part, kind)
      } else {
        run.append((part, Int(combining) << 40 | run.count))
      }
    }
  }

  private mutating func flush() {
    if run.isEmpty { return }
    // The position breaks ties: the standard library does not promise a stable sort.
    if run.count > 1 { run.sort { $0.order < $1.order } }
    for (scalar, _) in run { lowercase(scalar, classes[scalar]) }
    run.removeAll(keepingCapacity: true)
  }

  private mutating func lowercase(_ scalar: Unicode.Scalar, _ kind: BertScalar) {
    if scalar.value < 0x80 {
      let isUpper = settings.lowercases && kind.contains(.uppercase)
      bytes.append(UInt8(truncatingIfNeeded: scalar.value) | (isUpper ? 0x20 : 0))
    } else if settings.lowercases, kind.contains(.uppercase) {
      bytes += scalar.properties.lowercaseMapping.utf8
    } else {
      bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    }
  }
}
