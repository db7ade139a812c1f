/// `<|im_start|>role\ncontent<|im_end|>\n`: SmolLM2, Qwen2, Qwen2.5.
struct ChatMLForm: ChatForm {
  /// It is put first where the conversation does not begin with a system message.
  let system: [UInt8]?

  init(system: [UInt8]?) { self.system = system }

  static let named = known.map { ChatMLForm(system: $0.system) }

  private static let known: [(name: String, system: [UInt8]?)] = [
    (
      "smollm2",
      Array("You are a helpful AI assistant named SmolLM, trained by Hugging Face".utf8)
    ),
    ("qwen2", Array("You are a helpful assistant.".utf8)),
    (
      "qwen2.5",
      Array("You are Qwen, created by Alibaba Cloud. You are a helpful assistant.".utf8)
    ),
    ("chatml", nil),
  ]

  /// Its name where the default system message has one.
  var name: String { Self.known.first { $0.system == system }?.name ?? "chatml" }

  func saying(system: [UInt8]?) -> ChatMLForm { ChatMLForm(system: system) }

  /// The outlines of the templates in use, with the default system message left open.
  private static let outlines: Set<String> = [
    // SmolLM2, Qwen1.5, Qwen2: a default system message before a loop over the messages.
    "0d026e2bddd7075843ec933f817733e771200f08693e920ccfa97d9b1f52b247",
    // The same without one: the generic ChatML template, with and without a default for
    // `add_generation_prompt`.
    "920ae0769ba83f5291acf126e9b3f9c2d51698553aa792d4dd972879e304f05d",
    "3fb841c7aa3431c5ee9c65393a709cab87f03a012243f891e5e29fa1b558cc92",
    // Qwen2.5: tools, tool calls and tool responses besides. Without those it renders as the
    // short one does.
    "62f336901c33cb810208192961a319920bd1f676d79c6ee265252fbea7cedc2e",
  ]

  /// The default system message is read out of the template.
  static func recognize(_ outline: JinjaOutline) -> ChatMLForm? {
    let opening = Array("<|im_start|>system\n".utf8)
    let closing = Array("<|im_end|>\n".utf8)
    var system: [UInt8]?
    for case .literal(let text) in outline.steps
    where text.starts(with: opening) && text.reversed().starts(with: closing.reversed())
      && text.count > opening.count + closing.count
    {
      system = Array(text.dropFirst(opening.count).dropLast(closing.count))
    }
    let open = outline.mapLiterals { text in
      guard let system else { return text }
      if text == system { return [] }
      return text == opening + system + closing ? opening + closing : text
    }
    guard outlines.contains(SHA256Text.hexadecimal(open.bytes)) else { return nil }
    return ChatMLForm(system: system)
  }

  func pieces(of messages: [ChatMessage], opens: Bool) -> [ChatPiece] {
    var pieces: [ChatPiece] = []
    if let system, messages.first?.role != "system" {
      pieces += Self.turn("system", String(decoding: system, as: UTF8.self))
    }
    for message in messages { pieces += Self.turn(message.role, message.content) }
    if opens { pieces += [.token("<|im_start|>"), .text("assistant\n")] }
    return pieces
  }

  /// One message.
  static func turn(_ role: String, _ content: String) -> [ChatPiece] {
    [.token("<|im_start|>"), .text(role + "\n" + content), .token("<|im_end|>"), .text("\n")]
  }
}
