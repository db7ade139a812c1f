import ModelFiles
import TestSupport
import Testing

@Suite("JSON")
struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: Array(text.utf8), file: "test.json")
  }

  @Test("values of every kind")
  func values() throws {
    let text = #" {"a":[1,-2.5e1,true,false,null],"b":{"c":"\u00e9\n\ud83d\ude00/\/"}} "#
    guard case .object(let object) = try parse(text), case .array(let array)? = object["a"],
      case .object(let inner)? = object["b"], case .string(let string)? = inner["c"]
    else {
      Issue.record("wrong kinds")
      return
    }
    #expect(array.map(\.summary) == ["1", "-25.0", "true", "false", "null"])
    #expect(string == "é\n😀//")
    #expect(object.members.map(\.key) == ["a", "b"])
    #expect(object["d"] == nil)
  }

  @Test("integers are exact to 64 bits")
  func integers() throws {
    for value in [Int64.max, .min, 9_007_199_254_740_993] {
      guard case .integer(value) = try parse("\(value)") else {
        Issue.record("\(value) is not exact")
        continue
      }
    }
    guard case .number = try parse("9223372036854775808") else {
      Issue.record("too large an integer is no number")
      return
    }
  }

  @Test("keys that are canonically equivalent but different bytes stay apart")
  func canonicalEquivalence() throws {
    guard case .object(let object) = try parse("{\"\u{e9}\":1,\"e\u{301}\":2}") else {
      Issue.record("no object")
      return
    }
    #expect(object["\u{e9}"]?.summary == "1")
    #expect(object["e\u{301}"]?.summary == "2")
  }

  @Test("nesting that would exhaust the stack", arguments: ["[", "{\"a\":"])
  func nesting(opening: String) {
    expectError("test.json", "levels") { try parse(String(repeating: opening, count: 100_000)) }
  }

  @Test(
    "text that is not JSON",
    arguments: [
      "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "-", "1e", "+1",
      "nul", "truest", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"",
      "\"\\ud800\\u0041\"", "\"\n\"", "1 2", "1e999", "{\"a\":1,\"a\":2}", "NaN", "[1 2]",
      "\u{feff}1",
    ])
  func malformed(text: String) {
    expectError("test.json", "JSON at byte") { try parse(text) }
  }

  @Test("bytes that are not UTF-8")
  func notUTF8() {
    expectError("UTF-8") {
      try JSONValue(parsing: [0x22, 0xFF, 0x22], file: "test.json")
    }
    expectError("UTF-8") {
      try JSONValue(parsing: [0x22, 0x5C, 0x6E, 0xC3, 0x22], file: "test.json")
    }
  }
}
