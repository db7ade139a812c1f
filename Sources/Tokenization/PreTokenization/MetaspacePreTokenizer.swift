import ModelFiles

/// Spaces are written as marks, one is put before the text, and words begin at marks.
struct MetaspacePreTokenizer: PreTokenizer {
  /// Where a mark goes that is not there.
  enum Scheme: String, Sendable {
    /// Before every text between two added tokens.
    case always
    /// Before the beginning of what is encoded.
    case first
    case never
  }

  static func isWritten(as types: [String]) -> Bool {
    types == ["Metaspace"] || types == ["WhitespaceSplit", "Metaspace"]
  }

  let scheme: Scheme
  /// Whether a word begins at every mark; otherwise the whole text is one.
  let splits: Bool
  /// Whether white space of any kind parts words and is in none.
  let dropsSpace: Bool

  init?(_ steps: [TokenizerStep]) throws(TokenizerError) {
    guard let fields = steps.last?.fields else { return nil }
    dropsSpace = steps.count > 1
    splits = try fields.bool("split") ?? true
    // Files older than the key say with a flag whether a mark is put there at all.
    let isOld = try fields.bool("add_prefix_space") ?? true
    let name = try fields.string("prepend_scheme") ?? (isOld ? "always" : "never")
    guard try fields.string("replacement") == "\u{2581}", let scheme = Scheme(rawValue: name),
      !dropsSpace || scheme == .always && splits
    else { return nil }
    self.scheme = scheme
  }

  init?(name: String) {
    let words = name.split(separator: " ").map(String.init)
    guard words.count > 1, let scheme = Scheme(rawValue: words[1]) else { return nil }
    self.scheme = scheme
    splits = words.contains("split")
    dropsSpace = words.contains("words")
    guard name == self.name else { return nil }
  }

  var name: String {
    "metaspace \(scheme.rawValue)" + (splits ? " split" : "") + (dropsSpace ? " words" : "")
  }

  var json: String {
    let metaspace =
      #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"\#(scheme.rawValue)","split":\#(splits)}"#
    return dropsSpace
      ? #"{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},\#(metaspace)]}"#
      : metaspace
  }

  var addsSpace: Bool { scheme != .never }

  func marked(_ text: [UInt8], isFirst: Bool) -> [UInt8] {
    guard dropsSpace else { return marked(text[...], isFirst: isFirst) }
    var marked: [UInt8] = []
    marked.reserveCapacity(text.count + text.count / 2)
    var position = UTF8Text.spaceEnd(text, from: 0)
    while position < text.count {
      var end = position
      while end < text.count {
        let (scalar, length) = UTF8Text.scalar(in: text, at: end)
        if scalar.properties.isWhitespace { break }
        end += length
      }
      marked += self.marked(text[position..<end], isFirst: isFirst && position == 0)
      position = UTF8Text.spaceEnd(text, from: end)
    }
    return marked
  }

  private func marked(_ text: ArraySlice<UInt8>, isFirst: Bool) -> [UInt8] {
    let marked = SpaceMark.marked(Array(text))
    guard scheme == .always || scheme == .first && isFirst, !marked.isEmpty,
      !SpaceMark.stands(in: marked, at: 0)
    else { return marked }
    return SpaceMark.bytes + marked
  }

  func forEachWord(in text: [UInt8], _ body: (Range<Int>) -> Void) {
    var start = 0
    if splits {
      for position in text.indices.dropFirst() where text[position] == SpaceMark.bytes[0] {
        guard SpaceMark.stands(in: text, at: position) else { continue }
        body(start..<position)
        start = position
      }
    }
    if start < text.count { body(start..<text.count) }
  }
}
