import Corpora
import Foundation
import TestSupport
import Testing

/// `Schemas/corpus-row.schema.json` says what the reader does.
@Suite struct SchemaTests {
  private static func schema() throws -> [String: Any] {
    let text = Data(try Checkout.bytes("Schemas/corpus-row.schema.json"))
    return try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
  }

  private func isRead(_ row: Any, _ folder: TemporaryFolder) throws -> Bool {
    let bytes = try JSONSerialization.data(withJSONObject: row, options: [.fragmentsAllowed])
    return try folder.reason(Array(bytes)) == nil
  }

  @Test func itsExamplesAreRead() throws {
    let schema = try Self.schema()
    let folder = try TemporaryFolder()
    let examples = try #require(schema["examples"] as? [Any])
    #expect(examples.count == (schema["anyOf"] as? [Any])?.count)
    for example in examples {
      #expect(try SchemaValidator(root: schema).accepts(example))
      #expect(try isRead(example, folder))
    }
  }

  @Test(arguments: [
    #"{"prompt": "p"}"#, #"{"prompt": "p", "response": ""}"#, #"{"prompt": " ", "response": "r"}"#,
    #"{"prompt": 3, "response": "r"}"#, #"{"messages": []}"#, #"{"text": null}"#, "[]", "3", "{}",
    #"{"messages": [{"role": "user", "content": "a"}]}"#,
    #"{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}"#,
    #"{"messages": [{"role": "user"}, {"role": "assistant", "content": "b"}]}"#,
    #"{"system": 3, "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}"#,
    #"{"conversations": [{"from": "human", "content": "a"}, {"from": "gpt", "value": "b"}]}"#,
  ])
  func whatItRefusesIsRefused(row: String) throws {
    let schema = try Self.schema()
    let value = try JSONSerialization.jsonObject(with: Data(row.utf8), options: [.fragmentsAllowed])
    #expect(try !SchemaValidator(root: schema).accepts(value))
    #expect(try !isRead(value, try TemporaryFolder()))
  }
}

/// As much of JSON Schema as the file uses; a keyword it doesn't know is an error.
private struct SchemaValidator {
  struct UnknownKeyword: Error { let name: String }

  let root: [String: Any]

  func accepts(_ value: Any) throws -> Bool {
    try accepts(value, root)
  }

  private func accepts(_ value: Any, _ schema: [String: Any]) throws -> Bool {
    for (keyword, rule) in schema {
      guard try holds(value, keyword, rule) else { return false }
    }
    return true
  }

  private func holds(_ value: Any, _ keyword: String, _ rule: Any) throws -> Bool {
    switch keyword {
    case "$schema", "title", "description", "examples", "$defs":
      return true
    case "$ref":
      let name = (rule as? String)?.split(separator: "/").last.map(String.init) ?? ""
      let definition = (root["$defs"] as? [String: Any])?[name] as? [String: Any]
      return try accepts(value, try #require(definition))
    case "anyOf":
      return try (rule as? [[String: Any]] ?? []).contains { try accepts(value, $0) }
    case "type":
      let names = rule as? [String] ?? [rule as? String ?? ""]
      return names.contains { isOf(value, $0) }
    case "required":
      guard let object = value as? [String: Any] else { return true }
      return (rule as? [String] ?? []).allSatisfy { object[$0] != nil }
    case "properties":
      guard let object = value as? [String: Any] else { return true }
      return try (rule as? [String: [String: Any]] ?? [:]).allSatisfy { name, schema in
        try object[name].map { try accepts($0, schema) } ?? true
      }
    case "items":
      return try (value as? [Any] ?? []).allSatisfy {
        try accepts($0, rule as? [String: Any] ?? [:])
      }
    case "minItems":
      return (value as? [Any]).map { $0.count >= (rule as? Int ?? 0) } ?? true
    case "enum":
      return (rule as? [String] ?? []).contains(value as? String ?? "")
    case "pattern" where rule as? String == "\\S":
      return (value as? String)?.contains { !$0.isWhitespace } ?? true
    default:
      throw UnknownKeyword(name: keyword)
    }
  }

  private func isOf(_ value: Any, _ type: String) -> Bool {
    switch type {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "null": value is NSNull
    default: false
    }
  }
}
