/// `<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>`: Llama 3 and its successors up to
/// 3.3. White space around a content goes.
///
/// From 3.1 on every conversation begins with a system message that says when the model's knowledge
/// ends and what the date is. The date is always the one that the templates name as their default,
/// 26 Jul 2024: with today's no prompt would be found in a cache of yesterday. Llama 3.2's template
/// asks for today's where its program tells it.
struct Llama3Form: OutlinedChatForm {
  let name: String
  /// Whether the system message says the dates.
  private let saysDates: Bool
  /// Whether the assistant's turn is opened even where that is not asked for.
  private var alwaysOpens = false

  static let named = [dated, undated, opened]

  private static let dated = Llama3Form(name: "llama3.1", saysDates: true)
  private static let undated = Llama3Form(name: "llama3", saysDates: false)
  private static let opened = Llama3Form(name: "llama3-opened", saysDates: false, alwaysOpens: true)

  static let outlines = [
    // Llama 3.1 and 3.3, which have tools besides.
    "f664295955968c33f12a0b0cf6849127468075c3b092bf3886f4e0811f525a26": dated,
    // Llama 3.2.
    "6168b3e6aede49e0b405d7929c0971f128d3b9155da9ab3b266e132e12c305ae": dated,
    // Llama 3, and as it was first published.
    "53a15daad4d07a1614e235ad96665688e1846fd0233a7f54e9db9b6f4d4732da": undated,
    "64fc2ba296f8c997345c2484a7df2721788dc960427b1f7d70984655fe91dfc6": opened,
  ]

  private init(name: String, saysDates: Bool, alwaysOpens: Bool = false) {
    self.name = name
    self.saysDates = saysDates
    self.alwaysOpens = alwaysOpens
  }

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    var pieces: [ChatPiece] = [.token("<|begin_of_text|>")]
    var rest = messages[...]
    if saysDates {
      let system = rest.first.flatMap { $0.role == "system" ? $0.content : nil }
      if system != nil { rest = rest.dropFirst() }
      let dates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
      pieces += Self.turn("system", dates + JinjaText.trimmed(system ?? ""))
    }
    for message in rest { pieces += Self.turn(message.role, JinjaText.trimmed(message.content)) }
    if opens || alwaysOpens { pieces += Self.header("assistant") }
    return pieces
  }

  private static func turn(_ role: String, _ content: String) -> [ChatPiece] {
    header(role) + [.text(content), .token("<|eot_id|>")]
  }

  private static func header(_ role: String) -> [ChatPiece] {
    [.token("<|start_header_id|>"), .text(role), .token("<|end_header_id|>"), .text("\n\n")]
  }
}
