import Foundation

/// Makes a row of a JSON object in one of the usual forms, told by its keys, in this order:
///
/// - the fields that the caller names;
/// - `messages`: a list of `{role, content}`;
/// - `conversations`: a list of `{from, value}` or `{role, content}`, with an optional `system`;
/// - `prompt` and `response`; `question` and `answer`;
/// - `text`.
///
/// Other keys are left alone. In a conversation the last turn, the assistant's, is the response.
struct RowDecoder {
  let fields: FieldNames?
  private let decoder = JSONDecoder()

  init(fields: FieldNames?) {
    self.fields = fields
  }

  func row(_ bytes: [UInt8], _ location: CorpusLocation) -> Result<CorpusRow, BadRow> {
    func bad(_ reason: BadRow.Reason) -> Result<CorpusRow, BadRow> {
      .failure(BadRow(location: location, reason: reason))
    }
    do {
      return .success(try decode(bytes, location))
    } catch let failure as BadRowFailure {
      return bad(failure.reason)
    } catch DecodingError.dataCorrupted(let context) {
      return bad(.notJSON(Self.detail(context)))
    } catch {
      return bad(.notJSON("\(error)"))
    }
  }

  private func decode(_ bytes: [UInt8], _ location: CorpusLocation) throws -> CorpusRow {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw BadRowFailure(.notUTF8) }
    // A parser that guesses encodings would take zero bytes for UTF-16.
    guard !bytes.contains(0) else { throw BadRowFailure(.notJSON("it holds a zero byte")) }
    let object = try decoder.decode(JSONObject.self, from: Data(bytes))
    if let fields {
      return try pair(object, fields.prompt, fields.response, location)
    }
    if object.has("messages") {
      return try conversation([], try object.turns("messages"), location)
    }
    if object.has("conversations") {
      let system = try object.has("system") ? object.optionalString("system") : nil
      let opening = system.map { $0.isEmpty ? [] : [ChatTurn(role: .system, content: $0)] } ?? []
      return try conversation(opening, try object.turns("conversations"), location)
    }
    if object.has("prompt") || object.has("response") {
      return try pair(object, "prompt", "response", location)
    }
    if object.has("question") || object.has("answer") {
      return try pair(object, "question", "answer", location)
    }
    if object.has("text") {
      return try CorpusRow.text(try object.string("text"), location)
    }
    throw BadRowFailure(.noKnownFields(object.keys))
  }

  private func pair(
    _ object: JSONObject, _ prompt: String, _ response: String, _ location: CorpusLocation
  ) throws -> CorpusRow {
    let prompt = try object.string(prompt)
    let response = try object.string(response)
    guard !prompt.isBlank else { throw BadRowFailure(.emptyPrompt) }
    guard !response.isBlank else { throw BadRowFailure(.emptyResponse) }
    return CorpusRow(prompt: .raw(prompt), response: response, location: location)
  }

  private func conversation(
    _ opening: [ChatTurn], _ turns: [ChatTurn], _ location: CorpusLocation
  ) throws -> CorpusRow {
    guard let last = turns.last else { throw BadRowFailure(.emptyPrompt) }
    guard last.role == .assistant else { throw BadRowFailure(.lastTurnNotAssistant) }
    let prompt = opening + turns.dropLast()
    guard prompt.contains(where: { $0.role == .user && !$0.content.isBlank }) else {
      throw BadRowFailure(.emptyPrompt)
    }
    guard !last.content.isBlank else { throw BadRowFailure(.emptyResponse) }
    return CorpusRow(prompt: .messages(prompt), response: last.content, location: location)
  }

  private static func detail(_ context: DecodingError.Context) -> String {
    // The parser's words where it says something; its own types' names say nothing to a person.
    let cause = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
    guard let cause, !cause.contains("Foundation"), !cause.contains("SourceLocation") else {
      return "it does not parse"
    }
    return cause.replacing("\n", with: " ")
  }
}

/// Carries a reason out of decoding.
struct BadRowFailure: Error {
  let reason: BadRow.Reason

  init(_ reason: BadRow.Reason) {
    self.reason = reason
  }
}

extension CorpusRow {
  /// A plain text.
  static func text(_ text: String, _ location: CorpusLocation) throws(BadRowFailure) -> CorpusRow {
    guard !text.isBlank else { throw BadRowFailure(.emptyResponse) }
    return CorpusRow(prompt: .none, response: text, location: location)
  }
}

extension String {
  /// Nothing but white space.
  fileprivate var isBlank: Bool {
    unicodeScalars.allSatisfy(\.properties.isWhitespace)
  }
}
