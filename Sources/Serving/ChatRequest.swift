import Foundation
import Generation
import Tokenization

/// The body of `POST /v1/chat/completions`, in the OpenAI API's words.
///
/// A field that would change the answer and is not supported is refused by name; unknown fields, which
/// clients send freely, are ignored.
struct ChatRequest: Decodable, Sendable {
  let model: String?
  let messages: [ChatMessage]
  let stream: Bool
  let sampling: SamplingOptions

  /// Each path has keys and values of its own: what any client may ask for is bounded.
  private static let mostBeams = 8

  private enum Key: String, CodingKey, CaseIterable {
    case model, messages, stream, temperature, seed, stop, beams, n, tools, functions, logprobs
    case topP = "top_p"
    case topK = "top_k"
    case repetitionPenalty = "repetition_penalty"
    case maxTokens = "max_tokens"
    case maxCompletionTokens = "max_completion_tokens"
    case frequencyPenalty = "frequency_penalty"
    case presencePenalty = "presence_penalty"
    case logitBias = "logit_bias"
    case responseFormat = "response_format"
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    model = try fields.decodeIfPresent(String.self, forKey: .model)
    stream = try fields.decodeIfPresent(Bool.self, forKey: .stream) ?? false
    messages = try fields.decode([Message].self, forKey: .messages).map(\.chat)
    guard !messages.isEmpty else {
      throw RequestError.invalid(field: "messages", reason: "has no message")
    }

    var options = SamplingOptions()
    options.temperature = try fields.decodeIfPresent(Float.self, forKey: .temperature) ?? 0
    options.topK = try fields.decodeIfPresent(Int.self, forKey: .topK) ?? 0
    options.topP = try fields.decodeIfPresent(Float.self, forKey: .topP) ?? 1
    options.repetitionPenalty =
      try fields.decodeIfPresent(Float.self, forKey: .repetitionPenalty) ?? 1
    options.beams = try fields.decodeIfPresent(Int.self, forKey: .beams) ?? 1
    guard (1...Self.mostBeams).contains(options.beams) else {
      throw RequestError.invalid(field: "beams", reason: "is not 1 to \(Self.mostBeams)")
    }
    let limit = try fields.decodeIfPresent(Int.self, forKey: .maxCompletionTokens)
    options.maxTokens = try limit ?? fields.decodeIfPresent(Int.self, forKey: .maxTokens) ?? 256
    options.seed = try fields.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
    options.stop = try Self.stops(fields)
    sampling = options

    try Self.refuseUnsupported(fields)
  }

  /// `stop` is a string or an array of at most four.
  private static func stops(_ fields: KeyedDecodingContainer<Key>) throws -> [String] {
    guard fields.contains(.stop), try !fields.decodeNil(forKey: .stop) else { return [] }
    if let one = try? fields.decode(String.self, forKey: .stop) { return [one] }
    let several = try fields.decode([String].self, forKey: .stop)
    guard several.count <= 4 else {
      throw RequestError.invalid(field: "stop", reason: "has \(several.count) strings: 4 at most")
    }
    return several
  }

  private static func refuseUnsupported(_ fields: KeyedDecodingContainer<Key>) throws {
    for key in [Key.tools, .functions, .logitBias]
    where fields.contains(key) && !((try? fields.decodeNil(forKey: key)) ?? false) {
      throw RequestError.invalid(field: key.rawValue, reason: "is not supported")
    }
    for key in [Key.frequencyPenalty, .presencePenalty] {
      if let value = try fields.decodeIfPresent(Double.self, forKey: key), value != 0 {
        throw RequestError.invalid(
          field: key.rawValue, reason: "is not supported: use repetition_penalty")
      }
    }
    if let count = try fields.decodeIfPresent(Int.self, forKey: .n), count != 1 {
      throw RequestError.invalid(field: "n", reason: "is \(count): only 1 is supported")
    }
    if try fields.decodeIfPresent(Bool.self, forKey: .logprobs) == true {
      throw RequestError.invalid(field: "logprobs", reason: "is not supported")
    }
    struct Format: Decodable { let type: String }
    if let format = try fields.decodeIfPresent(Format.self, forKey: .responseFormat),
      format.type != "text"
    {
      throw RequestError.invalid(
        field: "response_format", reason: "only type \"text\" is supported")
    }
  }

  /// A message whose content is a string, or parts of which each is text.
  private struct Message: Decodable {
    let chat: ChatMessage

    private enum Key: String, CodingKey { case role, content }
    private struct Part: Decodable {
      let type: String
      let text: String?
    }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      let role = try fields.decode(String.self, forKey: .role)
      guard ["system", "developer", "user", "assistant"].contains(role) else {
        throw RequestError.invalid(
          field: "messages",
          reason: "has the role \"\(role)\": system, user and assistant are known")
      }
      let content: String
      if let text = try? fields.decode(String.self, forKey: .content) {
        content = text
      } else {
        content = try fields.decode([Part].self, forKey: .content).map { part in
          guard part.type == "text", let text = part.text else {
            throw RequestError.invalid(
              field: "messages",
              reason: "has a part of type \"\(part.type)\": only text is supported")
          }
          return text
        }.joined()
      }
      chat = ChatMessage(role: role == "developer" ? "system" : role, content: content)
    }
  }
}
