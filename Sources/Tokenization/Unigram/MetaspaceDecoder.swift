import ModelFiles

/// Marks are spaces again, but for those of a text's first token: for people to read, since which
/// of the spaces the text had is lost.
struct MetaspaceDecoder: TokenDecoder {
  static let isExact = false

  static func isWritten(as types: [String]) -> Bool { types == ["Metaspace"] }

  /// Whether the first token keeps its marks.
  let keepsFirst: Bool

  init(keepsFirst: Bool = false) { self.keepsFirst = keepsFirst }

  init(_ steps: [TokenizerStep]) throws(TokenizerError) {
    let fields = steps[0].fields
    guard try fields.string("replacement") == "\u{2581}" else {
      throw .unsupported(
        file: fields.file, item: fields.name("replacement"), found: "not U+2581",
        advice: "use a tokenizer that marks spaces as SentencePiece does")
    }
    let isOld = try fields.bool("add_prefix_space") ?? true
    keepsFirst = try fields.string("prepend_scheme").map { $0 == "never" } ?? !isOld
  }

  init?(name: String) {
    guard name == "metaspace" || name == "metaspace whole" else { return nil }
    keepsFirst = name != "metaspace"
  }

  var name: String { keepsFirst ? "metaspace whole" : "metaspace" }

  var json: String? {
    #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"\#(keepsFirst ? "never" : "always")","split":true}"#
  }

  func append(_ piece: ArraySlice<UInt8>, isFirst: Bool, to text: inout [UInt8]) {
    var rest = piece
    while let byte = rest.first {
      guard SpaceMark.stands(in: rest, at: 0) else {
        text.append(byte)
        rest = rest.dropFirst()
        continue
      }
      if !isFirst || keepsFirst { text.append(UInt8(ascii: " ")) }
      rest = rest.dropFirst(SpaceMark.bytes.count)
    }
  }
}
