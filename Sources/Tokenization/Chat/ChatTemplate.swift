/// How a conversation becomes one prompt.
///
/// Templates are known by name, or recognised in a model's file (``init(recognizing:)``); no
/// Jinja is run. A template's own tokens are inserted as ids. The messages are encoded as plain
/// text, so that nothing written in one can end a turn or begin another.
public struct ChatTemplate: Sendable, Equatable {
  enum Form: Sendable, Equatable {
    /// `<|im_start|>role\ncontent<|im_end|>\n`; `system` is put first where the conversation does
    /// not begin with a system message.
    case chatML(system: [UInt8]?)
    /// `Role:\n\ncontent\n\n`, no tokens of its own, always with a system message.
    case labelled
    /// The contents alone.
    case plain
  }

  public let name: String
  let form: Form

  /// The templates that have a name.
  static let all: [ChatTemplate] = [
    ChatTemplate(
      name: "smollm2",
      form: .chatML(
        system: Array("You are a helpful AI assistant named SmolLM, trained by Hugging Face".utf8))),
    ChatTemplate(
      name: "qwen2", form: .chatML(system: Array("You are a helpful assistant.".utf8))),
    ChatTemplate(
      name: "qwen2.5",
      form: .chatML(
        system: Array(
          "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.".utf8))),
    ChatTemplate(name: "chatml", form: .chatML(system: nil)),
    ChatTemplate(name: "llm-modules", form: .labelled),
    ChatTemplate(name: "none", form: .plain),
  ]

  static let nameList = all.map(\.name).joined(separator: ", ")

  /// The template called `name`: `smollm2`, `qwen2`, `qwen2.5`, `chatml`, `llm-modules` (the
  /// System/User/Assistant form of LLM Modules, arXiv 2502.08213) or `none` (the messages alone).
  public static func named(_ name: String) throws(TokenizerError) -> ChatTemplate {
    guard let template = all.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
      throw .unknownTemplate(name: name)
    }
    return template
  }

  /// The ChatML template whose default system message is `system`, by its name where it has one.
  static func chatML(system: [UInt8]?) -> ChatTemplate {
    let form = Form.chatML(system: system)
    return all.first { $0.form == form } ?? ChatTemplate(name: "chatml", form: form)
  }

  /// The ids of the rendered conversation.
  ///
  /// - Parameter addGenerationPrompt: whether to open the assistant's turn at the end.
  public func ids(
    for messages: [ChatMessage], tokenizer: Tokenizer, addGenerationPrompt: Bool = true
  ) throws(TokenizerError) -> [Int32] {
    var ids: [Int32] = []
    var text = ""
    // A template with tokens of its own says all that the prompt begins and ends with.
    var hasTokens = false
    for piece in try pieces(of: messages, addGenerationPrompt: addGenerationPrompt) {
      switch piece {
      case .text(let more):
        text += more
      case .token(let token):
        guard let id = tokenizer.specialID(token) else {
          throw .templateToken(template: name, token: token)
        }
        hasTokens = true
        ids += tokenizer.encode(text, framed: false)
        ids.append(id)
        text = ""
      }
    }
    return ids + tokenizer.encode(text, framed: !hasTokens)
  }

  /// The rendered conversation as text, the template's tokens spelled out. For people to read:
  /// encoding it is not the same as ``ids(for:tokenizer:addGenerationPrompt:)``.
  public func text(
    for messages: [ChatMessage], addGenerationPrompt: Bool = true
  ) throws(TokenizerError) -> String {
    var text = ""
    for piece in try pieces(of: messages, addGenerationPrompt: addGenerationPrompt) {
      switch piece {
      case .text(let more), .token(let more): text += more
      }
    }
    return text
  }

  // MARK: - Rendering

  private enum Piece {
    case token(String)
    case text(String)
  }

  private func pieces(
    of messages: [ChatMessage], addGenerationPrompt: Bool
  ) throws(TokenizerError) -> [Piece] {
    guard let first = messages.first else {
      throw .messages("a conversation needs at least one message")
    }
    for (index, message) in messages.enumerated()
    where !["system", "user", "assistant"].contains(message.role) {
      throw .messages(
        "message \(index + 1) has the role \(quoted(message.role)); "
          + "the chat templates know system, user and assistant")
    }
    let beginsWithSystem = first.role == "system"
    switch form {
    case .chatML(let system):
      var pieces: [Piece] = []
      if let system, !beginsWithSystem {
        pieces += turn("system", String(decoding: system, as: UTF8.self))
      }
      for message in messages { pieces += turn(message.role, message.content) }
      if addGenerationPrompt { pieces += [.token("<|im_start|>"), .text("assistant\n")] }
      return pieces
    case .labelled:
      var text = beginsWithSystem ? "" : Self.labelled("system", Self.reasoningSystem)
      for message in messages { text += Self.labelled(message.role, message.content) }
      if addGenerationPrompt { text += "Assistant:\n\n" }
      return [.text(text)]
    case .plain:
      return [.text(messages.map(\.content).joined(separator: "\n"))]
    }
  }

  private func turn(_ role: String, _ content: String) -> [Piece] {
    [.token("<|im_start|>"), .text(role + "\n" + content), .token("<|im_end|>"), .text("\n")]
  }

  private static func labelled(_ role: String, _ content: String) -> String {
    switch role {
    case "system": "System:\n\n**\(content)**\n\n"
    case "assistant": "Assistant:\n\n\(content)\n\n"
    default: "User:\n\n\(content)\n\n"
    }
  }

  /// The system message of Bespoke-Stratos-17k, which the published LLM Modules were trained with
  /// on every row, whatever the row said.
  private static let reasoningSystem =
    "Your role as an assistant involves thoroughly exploring questions through a systematic long "
    + "thinking process before providing the final precise and accurate solutions. This requires "
    + "engaging in a comprehensive cycle of analysis, summarizing, exploration, reassessment, "
    + "reflection, backtracing, and iteration to develop well-considered thinking process. Please "
    + "structure your response into two main sections: Thought and Solution. In the Thought "
    + "section, detail your reasoning process using the specified format: <|begin_of_thought|> "
    + "{thought with steps separated with '\\n\\n'} <|end_of_thought|> Each step should include "
    + "detailed considerations such as analisying questions, summarizing relevant findings, "
    + "brainstorming new ideas, verifying the accuracy of the current steps, refining any errors, "
    + "and revisiting previous steps. In the Solution section, based on various attempts, "
    + "explorations, and reflections from the Thought section, systematically present the final "
    + "solution that you deem correct. The solution should remain a logical, accurate, concise "
    + "expression style and detail necessary step needed to reach the conclusion, formatted as "
    + "follows: <|begin_of_solution|> {final formatted, precise, and clear solution} "
    + "<|end_of_solution|> Now, try to solve the following question through the above guidelines:"
}
