/// A JSON object whose fields are looked at one by one, each by the type it should have.
struct JSONObject: Decodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private let container: KeyedDecodingContainer<Key>

  init(from decoder: any Decoder) throws {
    do {
      container = try decoder.container(keyedBy: Key.self)
    } catch DecodingError.typeMismatch {
      throw BadRowFailure(.notAnObject)
    } catch DecodingError.valueNotFound {
      throw BadRowFailure(.notAnObject)
    }
  }

  var keys: [String] {
    container.allKeys.map(\.stringValue).sorted()
  }

  func has(_ field: String) -> Bool {
    container.contains(Key(stringValue: field))
  }

  func string(_ field: String) throws -> String {
    try value(field, "a string")
  }

  /// `nil` for null.
  func optionalString(_ field: String) throws -> String? {
    let isNull = try container.decodeNil(forKey: Key(stringValue: field))
    return isNull ? nil : try string(field)
  }

  /// A list of `{role, content}` or `{from, value}`.
  func turns(_ field: String) throws -> [ChatTurn] {
    let turns: [JSONObject] = try value(field, "a list of objects")
    return try turns.map { turn in
      let named = turn.has("from") || turn.has("value")
      let name = try turn.string(named ? "from" : "role")
      guard let role = Self.roles[name] else { throw BadRowFailure(.unknownRole(name)) }
      return ChatTurn(role: role, content: try turn.string(named ? "value" : "content"))
    }
  }

  /// `human` and `gpt` are ShareGPT's names.
  private static let roles: [String: ChatTurn.Role] = [
    "system": .system, "user": .user, "human": .user, "assistant": .assistant, "gpt": .assistant,
  ]

  private func value<T: Decodable>(_ field: String, _ expected: String) throws -> T {
    guard has(field) else { throw BadRowFailure(.missingField(field)) }
    do {
      return try container.decode(T.self, forKey: Key(stringValue: field))
    } catch DecodingError.typeMismatch {
      throw BadRowFailure(.wrongType(field: field, expected: expected))
    } catch DecodingError.valueNotFound {
      throw BadRowFailure(.wrongType(field: field, expected: expected))
    } catch let failure as BadRowFailure where failure.reason == .notAnObject {
      throw BadRowFailure(.wrongType(field: field, expected: expected))
    }
  }
}
