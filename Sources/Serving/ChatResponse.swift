import Foundation
import Generation

/// A whole answer, `chat.completion`, or a piece of a streamed one, `chat.completion.chunk`.
struct ChatResponse: Encodable, Sendable {
  struct Message: Encodable, Sendable {
    var role: String?
    var content: String?
  }

  struct Choice: Encodable, Sendable {
    var index = 0
    var message: Message?
    var delta: Message?
    var finishReason: String?

    enum CodingKeys: String, CodingKey {
      case index, message, delta
      case finishReason = "finish_reason"
    }

    // The API writes an unknown finish reason as null rather than leaving the key out.
    func encode(to encoder: any Encoder) throws {
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(index, forKey: .index)
      try fields.encodeIfPresent(message, forKey: .message)
      try fields.encodeIfPresent(delta, forKey: .delta)
      try fields.encode(finishReason, forKey: .finishReason)
    }
  }

  struct Usage: Encodable, Sendable {
    let promptTokens: Int
    let completionTokens: Int
    let totalTokens: Int

    enum CodingKeys: String, CodingKey {
      case promptTokens = "prompt_tokens"
      case completionTokens = "completion_tokens"
      case totalTokens = "total_tokens"
    }
  }

  let id: String
  let object: String
  let created: Int
  let model: String
  let choices: [Choice]
  var usage: Usage?
  /// Where the source's states came from: `reused`, `recomputed` or `stepped`.
  var states: String?
}

/// Makes the responses to one request.
struct ChatResponder: Sendable {
  let id = "chatcmpl-" + UUID().uuidString.lowercased()
  let created = Int(Date.now.timeIntervalSince1970)
  let model: String

  func whole(_ result: GenerationResult) -> ChatResponse {
    var response = make(
      "chat.completion",
      .init(
        message: .init(role: "assistant", content: result.text),
        finishReason: result.finish.rawValue))
    response.usage = .init(
      promptTokens: result.promptTokens, completionTokens: result.tokens,
      totalTokens: result.promptTokens + result.tokens)
    response.states = result.states.rawValue
    return response
  }

  func opening() -> ChatResponse { chunk(.init(delta: .init(role: "assistant", content: ""))) }
  func piece(_ text: String) -> ChatResponse { chunk(.init(delta: .init(content: text))) }
  func closing(_ finish: FinishReason) -> ChatResponse {
    chunk(.init(delta: .init(), finishReason: finish.rawValue))
  }

  private func chunk(_ choice: ChatResponse.Choice) -> ChatResponse {
    make("chat.completion.chunk", choice)
  }

  private func make(_ object: String, _ choice: ChatResponse.Choice) -> ChatResponse {
    ChatResponse(id: id, object: object, created: created, model: model, choices: [choice])
  }
}
