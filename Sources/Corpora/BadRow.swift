/// A row that can't be used, and why.
public struct BadRow: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Reason: Equatable, Sendable {
    case notUTF8
    case notJSON(String)
    case notAnObject
    /// None of the forms that are known; the keys it has.
    case noKnownFields([String])
    case missingField(String)
    case wrongType(field: String, expected: String)
    case unknownRole(String)
    case lastTurnNotAssistant
    case emptyPrompt
    case emptyResponse
    /// Nothing but characters that the tokenizer leaves out. Found by who knows it.
    case noTokens
    /// Longer than the reader takes, in bytes.
    case tooManyBytes(limit: Int)
    /// Longer than the source or the generator takes, in tokens. Found by who knows the tokenizer.
    case tooLong(tokens: Int, limit: Int)
    /// In training, and held out too.
    case leaked(String)

    /// What rows of this reason are counted under.
    public var label: String {
      switch self {
      case .notUTF8: "not UTF-8"
      case .notJSON: "not JSON"
      case .notAnObject: "not an object"
      case .noKnownFields: "no known fields"
      case .missingField(let field): "no `\(field)`"
      case .wrongType(let field, let expected): "`\(field)` is not \(expected)"
      case .unknownRole: "unknown role"
      case .lastTurnNotAssistant: "last turn is not the assistant's"
      case .emptyPrompt: "empty prompt"
      case .emptyResponse: "empty response"
      case .noTokens: "no characters that the tokenizer has tokens for"
      case .tooManyBytes: "too many bytes"
      case .tooLong: "too long"
      case .leaked: "held out as well"
      }
    }
  }

  public let location: CorpusLocation
  public let reason: Reason

  public init(location: CorpusLocation, reason: Reason) {
    self.location = location
    self.reason = reason
  }

  public var description: String {
    switch reason {
    case .notJSON(let detail): "\(location): not JSON: \(detail)"
    case .noKnownFields(let keys):
      "\(location): no known fields among \(keys.isEmpty ? "none" : keys.joined(separator: ", "))"
    case .unknownRole(let role): "\(location): unknown role `\(role)`"
    case .tooManyBytes(let limit): "\(location): more than \(limit) bytes"
    case .tooLong(let tokens, let limit): "\(location): \(tokens) tokens, and \(limit) is the limit"
    case .leaked(let place): "\(location): the same prompt is held out at \(place)"
    default: "\(location): \(reason.label)"
    }
  }
}

/// Bad rows counted by reason, with the first of each.
public struct BadRowTally: Equatable, Sendable, CustomStringConvertible {
  public private(set) var counts: [String: Int] = [:]
  public private(set) var examples: [String: BadRow] = [:]

  public init() {}

  public var total: Int { counts.values.reduce(0, +) }

  public mutating func add(_ row: BadRow) {
    counts[row.reason.label, default: 0] += 1
    if examples[row.reason.label] == nil { examples[row.reason.label] = row }
  }

  public mutating func add(_ other: BadRowTally) {
    counts.merge(other.counts, uniquingKeysWith: +)
    examples.merge(other.examples) { mine, _ in mine }
  }

  /// As "3 empty response (first: a.jsonl:17); 1 not JSON (first: a.jsonl:4)".
  public var description: String {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { label, count in
      let place = examples[label].map { " (first: \($0.location))" } ?? ""
      return "\(count) \(label)\(place)"
    }.joined(separator: "; ")
  }
}

/// What to do with a bad row.
public enum BadRowPolicy: String, CaseIterable, Sendable {
  /// The first one ends the work.
  case fail
  /// Counted by reason and left out.
  case skip
}
