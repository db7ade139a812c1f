/// What a Jinja chat template says, apart from how it is laid out: its tags in order, white space
/// treated as Jinja treats it (with `trim_blocks` and `lstrip_blocks`, as chat templates are
/// rendered), strings in one spelling, `a.b` as `a['b']`, and everything printed between two tags
/// as one list.
///
/// Two templates with the same outline render alike, which is how a template is recognised
/// without an interpreter.
struct JinjaOutline: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    /// A `{% … %}` tag.
    case tag([UInt8])
    /// Literal text that is printed.
    case literal([UInt8])
    /// An expression that is printed.
    case expression([UInt8])
  }

  private(set) var steps: [Step] = []

  /// Nil when `template` is not made of whole tags.
  init?(_ template: [UInt8]) {
    var lexer = JinjaLexer(template)
    var isFirst = true
    var previous: JinjaLexer.Tag?
    while true {
      let text = lexer.text()
      let tag = lexer.tag()
      guard tag != nil || lexer.isAtEnd else { return nil }
      append(literal: Self.trimmed(text, after: previous, before: tag, isFirst: isFirst))
      guard let tag else { break }
      switch tag.kind {
      case .comment: break
      case .block: steps.append(.tag(Self.joined(tag.tokens[...])))
      case .print: append(printed: tag.tokens)
      }
      previous = tag
      isFirst = false
    }
  }

  /// The outline as bytes, to be hashed. A length before each step keeps steps apart.
  var bytes: [UInt8] {
    steps.flatMap { step in
      let (letter, content) =
        switch step {
        case .tag(let content): ("t", content)
        case .literal(let content): ("l", content)
        case .expression(let content): ("e", content)
        }
      return Array("\(letter)\(content.count):".utf8) + content
    }
  }

  /// The outline with `change` made to every literal.
  func mapLiterals(_ change: ([UInt8]) -> [UInt8]) -> JinjaOutline {
    var outline = self
    outline.steps = steps.map { step in
      if case .literal(let text) = step { .literal(change(text)) } else { step }
    }
    return outline
  }

  // MARK: - Steps

  private mutating func append(literal: [UInt8]) {
    guard !literal.isEmpty else { return }
    if case .literal(let before)? = steps.last {
      steps[steps.count - 1] = .literal(before + literal)
    } else {
      steps.append(.literal(literal))
    }
  }

  /// Appends what an expression prints: the operands of `+` outside brackets, one by one.
  private mutating func append(printed tokens: [JinjaLexer.Token]) {
    var depth = 0
    var start = 0
    for index in 0...tokens.count {
      if index < tokens.count {
        switch tokens[index] {
        case .symbol(let symbol) where symbol == "(" || symbol == "[" || symbol == "{": depth += 1
        case .symbol(let symbol) where symbol == ")" || symbol == "]" || symbol == "}": depth -= 1
        default: break
        }
        guard depth == 0, tokens[index] == .symbol("+") else { continue }
      }
      let operand = tokens[start..<index]
      if case .string(let text)? = operand.first, operand.count == 1 {
        append(literal: text)
      } else if !operand.isEmpty {
        steps.append(.expression(Self.joined(operand)))
      }
      start = index + 1
    }
  }

  /// Tokens in one spelling, a space between them.
  private static func joined(_ tokens: ArraySlice<JinjaLexer.Token>) -> [UInt8] {
    var words: [[UInt8]] = []
    var rest = tokens
    while let token = rest.popFirst() {
      switch token {
      case .symbol("."):
        guard case .word(let name)? = rest.popFirst() else { return Array("?".utf8) }
        words += [Array("[".utf8), quote(name), Array("]".utf8)]
      case .symbol(let symbol): words.append(Array(String(symbol).utf8))
      case .word(let word): words.append(word)
      case .string(let text): words.append(quote(text))
      }
    }
    return Array(words.joined(separator: [UInt8(ascii: " ")]))
  }

  private static func quote(_ text: [UInt8]) -> [UInt8] {
    [UInt8(ascii: "'")] + text + [UInt8(ascii: "'")]
  }

  // MARK: - White space

  private static func trimmed(
    _ text: ArraySlice<UInt8>, after previous: JinjaLexer.Tag?, before next: JinjaLexer.Tag?,
    isFirst: Bool
  ) -> [UInt8] {
    var text = text
    var isAtLineStart = isFirst
    if let previous {
      if previous.trimsRight {
        text = text.drop { isSpace($0) }
      } else if previous.kind != .print, text.first == UInt8(ascii: "\n") {
        text = text.dropFirst()
        isAtLineStart = true
      }
    }
    guard let next else {
      // Jinja drops one newline at the end of a template.
      return Array(text.last == UInt8(ascii: "\n") ? text.dropLast() : text)
    }
    if next.trimsLeft {
      while let last = text.last, isSpace(last) { text = text.dropLast() }
    } else if next.kind != .print {
      let line = text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
      if line != nil || isAtLineStart, text[(line ?? text.startIndex)...].allSatisfy(isSpace) {
        text = text[..<(line ?? text.startIndex)]
      }
    }
    return Array(text)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
