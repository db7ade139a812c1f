import ModelFiles

/// `[CLS]` before the text and `[SEP]` after it, each given as its spelling and its id.
struct BertProcessing: PostProcessor {
  let type = "BertProcessing"

  func apply(_ step: FieldReader, to frame: inout TextFrame) throws(TokenizerError) {
    frame.beginID = try id("cls", step)
    frame.closingID = try id("sep", step)
  }

  private func id(_ key: String, _ step: FieldReader) throws(TokenizerError) -> Int32 {
    let value = try step.required(key)
    guard case .array(let pair) = value, pair.count == 2, case .string = pair[0],
      case .integer(let id) = pair[1]
    else { throw step.mismatch(key, "a token and its id", value) }
    return try FieldReader.tokenID(id, file: step.file, item: step.name(key))
  }
}
