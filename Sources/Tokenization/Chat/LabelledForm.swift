/// `Role:\n\ncontent\n\n`, no tokens of its own, always with a system message: the form of LLM
/// Modules, arXiv 2502.08213.
struct LabelledForm: ChatForm {
  static let named = [LabelledForm()]

  let name = "llm-modules"

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    let beginsWithSystem = messages.first?.role == "system"
    var text = beginsWithSystem ? "" : Self.labelled("system", Self.reasoningSystem)
    for message in messages { text += Self.labelled(message.role, message.content) }
    if opens { text += "Assistant:\n\n" }
    return [.text(text)]
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
