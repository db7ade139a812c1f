import Foundation

/// How a corpus file is cut into rows.
public enum CorpusFormat: String, CaseIterable, Sendable {
  /// A JSON object a line. Blank lines are passed over.
  case jsonl
  /// One JSON array of objects, read element by element.
  case json
  /// The whole file is one document.
  case text

  /// The format that a file's name says, and for `.json` and other names its first byte.
  static func detect(_ path: String) throws(CorpusError) -> CorpusFormat {
    switch (path as NSString).pathExtension.lowercased() {
    case "jsonl", "ndjson": return .jsonl
    case "txt", "md", "text": return .text
    default: break
    }
    var stream = try ByteStream(path)
    while let byte = try stream.next() {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): continue
      case UInt8(ascii: "["): return .json
      case UInt8(ascii: "{"): return .jsonl
      default: throw .unknownFormat(file: path)
      }
    }
    throw .empty(file: path, reasons: "")
  }
}

/// Names of the fields of a row that is in none of the usual forms.
public struct FieldNames: Equatable, Sendable {
  public var prompt: String
  public var response: String

  public init(prompt: String, response: String) {
    self.prompt = prompt
    self.response = response
  }

  /// From "prompt=instruction,response=output", in either order, both needed.
  public init(parsing text: String) throws(CorpusError) {
    var names: [String: String] = [:]
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard pair.count == 2, ["prompt", "response"].contains(pair[0]), !pair[1].isEmpty,
        names[pair[0]] == nil
      else {
        throw .badOption("`\(text)` doesn't name fields as prompt=NAME,response=NAME does")
      }
      names[pair[0]] = pair[1]
    }
    guard let prompt = names["prompt"], let response = names["response"] else {
      throw .badOption("`\(text)` doesn't name fields as prompt=NAME,response=NAME does")
    }
    self.init(prompt: prompt, response: response)
  }
}
