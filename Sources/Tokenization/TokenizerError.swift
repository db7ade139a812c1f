import ModelFiles

/// Why a tokenizer could not be made, or could not do what was asked. Every description is one
/// line that names the file and the key, what was expected, what was found, and what to do.
public enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file below could not be read or parsed.
  case file(ModelFileError)

  /// Something the tokenizer needs is not in the file.
  case missing(file: String, item: String)

  /// The contents contradict themselves or the format.
  case malformed(file: String, item: String, expected: String, found: String)

  /// A setting that would change the token ids and is not implemented.
  case unsupported(file: String, item: String, found: String, advice: String)

  /// No chat template was recognised; `sha256` is that of the file's template, nil without one.
  case unrecognizedTemplate(sha256: String?)

  /// `--template` named something unknown.
  case unknownTemplate(name: String)

  /// The template writes a token that this tokenizer does not have.
  case templateToken(template: String, token: String)

  /// The conversation cannot be rendered.
  case messages(String)

  public var description: String {
    switch self {
    case .file(let error):
      error.description
    case .missing(let file, let item):
      "\(file): \(item) is missing; fetch or convert the tokenizer again"
    case .malformed(let file, let item, let expected, let found):
      "\(file): \(item): expected \(expected), found \(found); fetch or convert the tokenizer again"
    case .unsupported(let file, let item, let found, let advice):
      "\(file): \(item) is \(found), which is not implemented; \(advice)"
    case .unrecognizedTemplate(nil):
      "the model has no chat template; name one with --template (\(ChatTemplate.nameList))"
    case .unrecognizedTemplate(let sha256?):
      "the model's chat template (SHA-256 \(sha256.prefix(12))…) is not one that is known; "
        + "name one with --template (\(ChatTemplate.nameList))"
    case .unknownTemplate(let name):
      "no chat template is called \(quoted(name)); use one of \(ChatTemplate.nameList)"
    case .templateToken(let template, let token):
      "the chat template \(template) writes \(token), which the tokenizer does not have as a "
        + "special token; name another with --template"
    case .messages(let problem):
      problem
    }
  }
}

extension TokenizerError {
  /// What `body` returns, or its error as one of this module's.
  static func wrapping<Value>(
    _ body: () throws(ModelFileError) -> Value
  ) throws(TokenizerError) -> Value {
    do {
      return try body()
    } catch {
      throw .file(error)
    }
  }
}

/// Text from a file, quoted and made safe for one line of a terminal; anything long is cut.
func quoted(_ text: String) -> String {
  let shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(120)))
  let spelled = shown.unicodeScalars.map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
    default: String(scalar)
    }
  }
  return "\"\(spelled.joined())\(text.unicodeScalars.count > 120 ? "…" : "")\""
}

/// The same for bytes that should be UTF-8.
func quoted(_ bytes: [UInt8]) -> String {
  quoted(String(decoding: bytes.prefix(600), as: UTF8.self))
}
