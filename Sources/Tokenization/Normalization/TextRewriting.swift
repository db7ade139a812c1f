import ModelFiles

/// SentencePiece's normaliser as files spell it: a list of rewritings, one after the other.
struct TextRewriting: Normalizer {
  /// The rewritings by the types of their steps.
  private static let kinds: [any Rewriting.Type] = [
    Precompiled.self, StripSpaces.self, TrimSpaces.self, TrimMarks.self, JoinSpaces.self,
    MarkSpaces.self,
    Prefix.self,
  ]

  let rewritings: [any Rewriting]

  static func isWritten(as types: [String]) -> Bool {
    types.allSatisfy { type in kinds.contains { $0.type == type } }
  }

  init(rewritings: [any Rewriting]) { self.rewritings = rewritings }

  /// Spaces written as marks, and one before the text.
  init(marksSpaces: Bool, addsSpace: Bool) {
    self.init(rewritings: (addsSpace ? [Prefix()] : []) + (marksSpaces ? [MarkSpaces()] : []))
  }

  init(_ steps: [TokenizerStep]) throws(TokenizerError) {
    var rewritings: [any Rewriting] = []
    for step in steps {
      var found: (any Rewriting)?
      for kind in Self.kinds where found == nil && kind.type == step.type {
        found = try kind.init(step.fields)
      }
      guard let found else {
        throw .unsupported(
          file: step.fields.file, item: step.fields.path,
          found: step.type + " with settings of its own",
          advice: "use a tokenizer that rewrites text as SentencePiece does")
      }
      rewritings.append(found)
    }
    self.init(rewritings: rewritings)
  }

  init?(name: String) {
    guard name != "none" else {
      self.init(rewritings: [])
      return
    }
    var rewritings: [any Rewriting] = []
    for word in name.split(separator: ",").map(String.init) {
      guard let found = Self.kinds.lazy.compactMap({ $0.init(name: word) }).first else {
        return nil
      }
      rewritings.append(found)
    }
    self.init(rewritings: rewritings)
  }

  var name: String {
    rewritings.isEmpty ? "none" : rewritings.map(\.name).joined(separator: ",")
  }

  var json: String? {
    switch rewritings.count {
    case 0: "null"
    case 1: rewritings[0].json
    default:
      #"{"type":"Sequence","normalizers":[\#(rewritings.map(\.json).joined(separator: ","))]}"#
    }
  }

  var addsSpace: Bool { rewritings.contains { $0 is Prefix } }
  var keepsSpaces: Bool { rewritings.allSatisfy(\.keepsSpaces) }

  func normalized(_ text: [UInt8]) -> [UInt8] {
    rewritings.reduce(text) { $1.rewritten($0) }
  }
}

/// One step of a ``TextRewriting``.
protocol Rewriting: Sendable {
  /// The type that a `tokenizer.json` calls it.
  static var type: String { get }

  /// The rewriting that `fields`, a step of that type, says; nil where it is another.
  init?(_ fields: FieldReader) throws(TokenizerError)

  /// The rewriting that the serialized form calls `name`, which has no comma.
  init?(name: String)

  var name: String { get }
  var json: String { get }

  /// Whether every space and line of a text is still there, however it is written.
  var keepsSpaces: Bool { get }

  /// `text`, UTF-8, rewritten, in time linear in its length.
  func rewritten(_ text: [UInt8]) -> [UInt8]
}

/// Puts a mark before a text that is not empty.
struct Prefix: Rewriting {
  static let type = "Prepend"

  let name = "prefix"
  let json = #"{"type":"Prepend","prepend":"▁"}"#
  let keepsSpaces = true

  init() {}

  init?(_ fields: FieldReader) throws(TokenizerError) {
    guard try fields.string("prepend") == "\u{2581}" else { return nil }
  }

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func rewritten(_ text: [UInt8]) -> [UInt8] { text.isEmpty ? text : SpaceMark.bytes + text }
}

/// Writes spaces as marks.
struct MarkSpaces: Rewriting {
  static let type = "Replace"

  let name = "marks"
  let json = #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#
  let keepsSpaces = true

  init() {}

  init?(_ fields: FieldReader) throws(TokenizerError) {
    guard try fields.reader("pattern")?.string("String") == " ",
      try fields.string("content") == "\u{2581}"
    else { return nil }
  }

  init?(name: String) {
    guard name == self.name else { return nil }
  }

  func rewritten(_ text: [UInt8]) -> [UInt8] { SpaceMark.marked(text) }
}
