import Foundation
import ModelFiles

/// SentencePiece's precompiled map of characters.
struct Precompiled: Rewriting {
  static let type = "Precompiled"

  private let charsmap: Charsmap
  let keepsSpaces = true

  init(_ charsmap: Charsmap) { self.charsmap = charsmap }

  init?(_ fields: FieldReader) throws(TokenizerError) {
    let key = "precompiled_charsmap"
    guard let text = try fields.string(key) else {
      throw .missing(file: fields.file, item: fields.name(key))
    }
    guard let data = Data(base64Encoded: text), let charsmap = Charsmap(Array(data)) else {
      throw Self.malformed(file: fields.file, item: fields.name(key))
    }
    self.init(charsmap)
  }

  static func malformed(file: String, item: String) -> TokenizerError {
    .malformed(
      file: file, item: item, expected: "a precompiled map of characters",
      found: "one that leads nowhere")
  }

  init?(name: String) {
    let prefix = "precompiled "
    guard name.utf8.starts(with: prefix.utf8),
      let data = Data(
        base64Encoded: String(decoding: name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)),
      let charsmap = Charsmap(Array(data))
    else { return nil }
    self.init(charsmap)
  }

  private var text: String { Data(charsmap.blob).base64EncodedString() }

  var name: String { "precompiled " + text }

  var json: String { #"{"type":"Precompiled","precompiled_charsmap":"\#(text)"}"# }

  func rewritten(_ text: [UInt8]) -> [UInt8] { charsmap.normalized(text) }
}

/// Takes white space, of every kind, from the beginning or the end of a text.
struct StripSpaces: Rewriting {
  static let type = "Strip"

  private let left: Bool
  private let right: Bool
  let keepsSpaces = false

  init?(_ fields: FieldReader) throws(TokenizerError) {
    left = try fields.bool("strip_left") ?? true
    right = try fields.bool("strip_right") ?? true
  }

  init?(name: String) {
    let words = name.split(separator: " ").map(String.init)
    (left, right) = (words.contains("left"), words.contains("right"))
    guard name == self.name else { return nil }
  }

  var name: String { "strip" + (left ? " left" : "") + (right ? " right" : "") }

  var json: String { #"{"type":"Strip","strip_left":\#(left),"strip_right":\#(right)}"# }

  func rewritten(_ text: [UInt8]) -> [UInt8] {
    let start = left ? UTF8Text.spaceEnd(text, from: 0) : 0
    let end = right ? UTF8Text.spaceStart(text, before: text.count, from: start) : text.count
    return Array(text[start..<end])
  }
}

/// Takes spaces away where SentencePiece removes extra ones: those at the beginning and the end of a
/// text.
struct TrimSpaces: Rewriting {
  static let type = "Replace"

  private static let expression = #"\A +| +\z"#
  let name = "trim"
  let json = #"{"type":"Replace","pattern":{"Regex":"\\A +| +\\z"},"content":""}"#
  let keepsSpaces = false

  init() {}

  init?(_ fields: FieldReader) throws(TokenizerError) {
    guard try fields.reader("pattern")?.string("Regex") == Self.expression,
      try fields.string("content") == ""
    else { return nil }
  }

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func rewritten(_ text: [UInt8]) -> [UInt8] {
    let head = text.drop { $0 == UInt8(ascii: " ") }
    let count = head.reversed().drop { $0 == UInt8(ascii: " ") }.count
    return Array(head.prefix(count))
  }
}

/// Takes marks from the end of a text, which is what SentencePiece removes there: a mark that the text
/// itself ends with, too.
struct TrimMarks: Rewriting {
  static let type = "Replace"

  private static let expression = #"▁+\z"#
  let name = "trim marks"
  let json = #"{"type":"Replace","pattern":{"Regex":"▁+\\z"},"content":""}"#
  let keepsSpaces = false

  init() {}

  init?(_ fields: FieldReader) throws(TokenizerError) {
    guard try fields.reader("pattern")?.string("Regex") == Self.expression,
      try fields.string("content") == ""
    else { return nil }
  }

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func rewritten(_ text: [UInt8]) -> [UInt8] {
    var count = text.count
    while count >= SpaceMark.bytes.count,
      SpaceMark.stands(in: text, at: count - SpaceMark.bytes.count)
    {
      count -= SpaceMark.bytes.count
    }
    return Array(text.prefix(count))
  }
}

/// Writes a run of two spaces or more as one, or as a mark.
struct JoinSpaces: Rewriting {
  static let type = "Replace"

  private static let expression = " {2,}"
  /// Whether it is written as a mark.
  private let marks: Bool
  let keepsSpaces = false

  init() { marks = false }

  init?(_ fields: FieldReader) throws(TokenizerError) {
    let content = try fields.string("content")
    guard try fields.reader("pattern")?.string("Regex") == Self.expression,
      content == " " || content == "\u{2581}"
    else { return nil }
    marks = content != " "
  }

  init?(name: String) {
    guard name == "join" || name == "join marked" else { return nil }
    marks = name != "join"
  }

  var name: String { marks ? "join marked" : "join" }

  var json: String {
    #"{"type":"Replace","pattern":{"Regex":" {2,}"},"content":"\#(marks ? "▁" : " ")"}"#
  }

  func rewritten(_ text: [UInt8]) -> [UInt8] {
    var joined: [UInt8] = []
    joined.reserveCapacity(text.count)
    var rest = text[...]
    while let byte = rest.first {
      let run = rest.prefix { $0 == UInt8(ascii: " ") }.count
      if run > 1, marks {
        joined += SpaceMark.bytes
      } else {
        joined.append(byte)
      }
      rest = rest.dropFirst(max(run, 1))
    }
    return joined
  }
}
