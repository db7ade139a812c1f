extension ChatTemplate {
  /// The outlines of the ChatML templates in use, with the default system message left open:
  /// SHA-256 over ``JinjaOutline/bytes``.
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

  /// The template that `jinja`, the text in a model's file, is; nil when it is not one of those
  /// known. The default system message is read out of it.
  init?(recognizing jinja: [UInt8]) {
    guard let outline = JinjaOutline(jinja) else { return nil }
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
    guard Self.outlines.contains(SHA256Text.hexadecimal(open.bytes)) else { return nil }
    self = .chatML(system: system)
  }
}
