/// How much of the prompt the generator of `prompt` conditioning embeds itself, beside reading its
/// states: so that prompts longer than its positions work. Written `all`, `last:N` or `none`.
public enum GeneratorPrompt: Equatable, Sendable, Codable, CustomStringConvertible {
  case all
  /// The last tokens, at least one.
  case last(Int)
  /// Nothing: the generator begins from its start token.
  case none

  /// Reads `all`, `last:N` or `none`; nil for anything else.
  public init?(_ text: String) {
    switch text {
    case "all": self = .all
    case "none": self = .none
    default:
      guard text.hasPrefix("last:"), let count = Int(text.dropFirst(5)), count > 0 else {
        return nil
      }
      self = .last(count)
    }
  }

  public var description: String {
    switch self {
    case .all: "all"
    case .last(let count): "last:\(count)"
    case .none: "none"
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = GeneratorPrompt(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected all, last:N or none, found \(text)")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension GeneratorPrompt {
  /// The tokens that the generator embeds before the response: the prompt's part as configured, or
  /// the start token where that is empty. The first response token is predicted from the last one.
  func embedded(_ prompt: [Int32], startToken: Int32?) throws(GeneratorError) -> [Int32] {
    let part: [Int32]
    switch self {
    case .all: part = prompt
    case .last(let count): part = Array(prompt.suffix(count))
    case .none: part = []
    }
    if !part.isEmpty { return part }
    guard let startToken else {
      throw .configuration(
        item: "start_token", expected: "a token to begin from, as no prompt token is embedded",
        found: "none")
    }
    return [startToken]
  }
}
