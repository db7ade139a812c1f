import Foundation

/// What a server of chat completions answers, however it was asked.
package struct ChatAnswer: Sendable {
  package let status: Int
  /// The header's lines, in lower case.
  package let head: String
  package let body: String

  package init(status: Int, head: String, body: String) {
    self.status = status
    self.head = head
    self.body = body
  }

  /// The data of a stream's events.
  package var events: [String] {
    body.components(separatedBy: "\n\n").filter { $0.hasPrefix("data: ") }
      .map { String($0.dropFirst("data: ".count)) }
  }

  package var completion: ChatCompletion { get throws { try ChatCompletion(body) } }
}

/// A chat completion or a piece of one, in the OpenAI API's form.
package struct ChatCompletion: Decodable {
  package struct Choice: Decodable {
    package struct Message: Decodable { package let content: String? }
    package let message: Message?
    package let delta: Message?
    package let finishReason: String?
  }
  package struct Usage: Decodable {
    package let promptTokens: Int
    package let completionTokens: Int
    package let totalTokens: Int
  }
  package let object: String
  package let choices: [Choice]
  package let usage: Usage?
  package let states: String?

  package init(_ json: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(ChatCompletion.self, from: Data(json.utf8))
  }

  package var content: String? { choices.first?.message?.content }
}
