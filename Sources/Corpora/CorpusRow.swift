/// A document as a corpus has it: a prompt and the response to it, or a plain text.
public struct CorpusRow: Equatable, Sendable {
  public enum Prompt: Equatable, Sendable {
    /// Goes to the source as it is.
    case raw(String)
    /// Goes through a chat template.
    case messages([ChatTurn])
    /// There is none: the response is a plain text.
    case none
  }

  public let prompt: Prompt
  public let response: String
  public let location: CorpusLocation

  public init(prompt: Prompt, response: String, location: CorpusLocation) {
    self.prompt = prompt
    self.response = response
    self.location = location
  }

  /// What decides the row's set, so that equal prompts stay together: the prompt's UTF-8; of
  /// messages, every role and content behind its length as 8 little-endian bytes; of a plain text,
  /// the text itself.
  public var splitBytes: [UInt8] {
    switch prompt {
    case .raw(let text):
      return Array(text.utf8)
    case .none:
      return Array(response.utf8)
    case .messages(let turns):
      var bytes: [UInt8] = []
      for part in turns.flatMap({ [$0.role.rawValue, $0.content] }) {
        withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: part.utf8)
      }
      return bytes
    }
  }
}

/// One turn of a conversation.
public struct ChatTurn: Equatable, Sendable {
  public enum Role: String, Sendable {
    case system, user, assistant
  }

  public let role: Role
  public let content: String

  public init(role: Role, content: String) {
    self.role = role
    self.content = content
  }
}

/// A line of a corpus file, from 1: where a row begins.
public struct CorpusLocation: Hashable, Sendable, CustomStringConvertible {
  public let file: String
  public let line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }

  public var description: String { "\(file):\(line)" }
}
