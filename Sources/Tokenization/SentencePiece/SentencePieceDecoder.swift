import ModelFiles

/// SentencePiece's text: marks are spaces again, tokens of bytes are bytes, and where a space was
/// put before the text, one is taken away from its beginning.
struct SentencePieceDecoder: TokenDecoder {
  static let isExact = true

  /// With bytes and without, with the space taken away and without.
  private static let forms = [
    ["Replace", "ByteFallback", "Fuse", "Strip"], ["Replace", "ByteFallback", "Fuse"],
    ["Replace", "Fuse", "Strip"], ["Replace", "Fuse"], ["Replace"],
  ]

  static func isWritten(as types: [String]) -> Bool { forms.contains(types) }

  let stripsSpace: Bool

  init(stripsSpace: Bool) { self.stripsSpace = stripsSpace }

  init(_ steps: [TokenizerStep]) throws(TokenizerError) {
    for step in steps {
      guard try Self.isKnown(step) else {
        throw .unsupported(
          file: step.fields.file, item: step.fields.path,
          found: step.type + " with settings of its own",
          advice: "use a tokenizer whose decoder writes U+2581 as a space and takes one away")
      }
    }
    stripsSpace = steps.last?.type == "Strip"
  }

  private static func isKnown(_ step: TokenizerStep) throws(TokenizerError) -> Bool {
    let fields = step.fields
    switch step.type {
    case "Replace":
      let (pattern, content) = (try fields.reader("pattern"), try fields.string("content"))
      return try pattern?.string("String") == "\u{2581}" && content == " "
    case "Strip":
      let (start, stop) = (try fields.integer("start"), try fields.integer("stop") ?? 0)
      return try fields.string("content") == " " && start == 1 && stop == 0
    default: return true
    }
  }

  init?(name: String) {
    guard ["marks", "marks stripped"].contains(name) else { return nil }
    stripsSpace = name == "marks stripped"
  }

  var name: String { stripsSpace ? "marks stripped" : "marks" }

  var json: String? {
    let strip = #",{"type":"Strip","content":" ","start":1,"stop":0}"#
    return
      #"{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}\#(stripsSpace ? strip : "")]}"#
  }

  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8]) {
    let start = text.count
    var rest = piece
    while let byte = rest.first {
      if SpaceMark.stands(in: rest, at: 0) {
        text.append(UInt8(ascii: " "))
        rest = rest.dropFirst(SpaceMark.bytes.count)
      } else {
        text.append(byte)
        rest = rest.dropFirst()
      }
    }
    if stripsSpace, isFirst, start < text.count, text[start] == UInt8(ascii: " ") {
      text.remove(at: start)
    }
  }
}
