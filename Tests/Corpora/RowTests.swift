import Corpora
import Foundation
import TestSupport
import Testing

/// The forms of a row, good and bad.
@Suite struct RowTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func row(_ line: String) throws -> CorpusRow? {
    try folder.rows("row.jsonl", Array(line.utf8)).rows.first
  }

  private var place: CorpusLocation { CorpusLocation(file: "row.jsonl", line: 1) }

  @Test(arguments: [
    #"{"prompt": "p", "response": "r"}"#,
    #"{"question": "p", "answer": "r", "id": 7, "tags": [[{}]]}"#,
  ])
  func rawPairs(line: String) throws {
    #expect(try row(line) == CorpusRow(prompt: .raw("p"), response: "r", location: place))
  }

  @Test func textIsAResponseWithoutAPrompt() throws {
    #expect(
      try row(#"{"text": "t\n"}"#) == CorpusRow(prompt: .none, response: "t\n", location: place))
  }

  @Test func theLastAssistantTurnIsTheResponse() throws {
    let line = """
      {"prompt": "unused", "messages": [{"role": "system", "content": ""}, {"role": "user", "content": "a"}, \
      {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}
      """
    let turns = [
      ChatTurn(role: .system, content: ""), ChatTurn(role: .user, content: "a"),
      ChatTurn(role: .assistant, content: "b"), ChatTurn(role: .user, content: "c"),
    ]
    #expect(try row(line) == CorpusRow(prompt: .messages(turns), response: "d", location: place))
  }

  @Test(arguments: [
    (
      #"{"system": "s", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}"#,
      true
    ),
    (
      #"{"system": "s", "conversations": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}"#,
      true
    ),
    (
      #"{"system": null, "conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]}"#,
      false
    ),
    (
      #"{"conversations": [{"from": "user", "value": "a"}, {"from": "assistant", "value": "b"}]}"#,
      false
    ),
  ])
  func conversations(line: String, system: Bool) throws {
    let opening = system ? [ChatTurn(role: .system, content: "s")] : []
    let expected = CorpusRow(
      prompt: .messages(opening + [ChatTurn(role: .user, content: "a")]), response: "b",
      location: place)
    #expect(try row(line) == expected)
  }

  @Test func fieldsByName() throws {
    let fields = try FieldNames(parsing: "response=output,prompt=instruction")
    let line = Array(#"{"instruction": "p", "output": "r", "text": "t"}"#.utf8)
    #expect(try folder.rows("row.jsonl", line, fields: fields).rows.first?.prompt == .raw("p"))
    #expect(
      try folder.reason(Array(#"{"text": "t"}"#.utf8), fields: fields)
        == .missingField("instruction"))
    for wrong in [
      "", "prompt=a", "prompt=a,prompt=b", "prompt=a,response=", "prompt,response",
      "input=a,output=b",
    ] {
      #expect(throws: CorpusError.self) { try FieldNames(parsing: wrong) }
    }
  }

  @Test func textKeepsItsScalars() throws {
    // Composed and decomposed e-acute are equal as Swift strings, and must stay apart as bytes.
    let line = #"{"prompt": "e\u0301 \u00e9 \ud83d\ude00 \u0000", "response": "é"}"#
    guard case .raw(let prompt)? = try row(line)?.prompt else {
      Issue.record("no row")
      return
    }
    #expect(Array(prompt.utf8) == Array("e\u{301} \u{e9} \u{1F600} \u{0}".utf8))
  }

  @Test(arguments: [
    (#"{"prompt": "p"}"#, BadRow.Reason.missingField("response")),
    (#"{"response": "r"}"#, .missingField("prompt")),
    (#"{"question": "q"}"#, .missingField("answer")),
    (#"{"prompt": "", "response": "r"}"#, .emptyPrompt),
    (#"{"prompt": " \n\t ", "response": "r"}"#, .emptyPrompt),
    (#"{"prompt": "p", "response": ""}"#, .emptyResponse),
    (#"{"text": " "}"#, .emptyResponse),
    (#"{"prompt": 1, "response": "r"}"#, .wrongType(field: "prompt", expected: "a string")),
    (#"{"prompt": null, "response": "r"}"#, .wrongType(field: "prompt", expected: "a string")),
    (#"{"prompt": ["p"], "response": "r"}"#, .wrongType(field: "prompt", expected: "a string")),
    (#"{"messages": {}}"#, .wrongType(field: "messages", expected: "a list of objects")),
    (#"{"messages": ["a"]}"#, .wrongType(field: "messages", expected: "a list of objects")),
    (#"{"messages": null}"#, .wrongType(field: "messages", expected: "a list of objects")),
    (#"{"messages": []}"#, .emptyPrompt),
    (#"{"messages": [{"role": "assistant", "content": "a"}]}"#, .emptyPrompt),
    (
      #"{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "a"}]}"#,
      .emptyPrompt
    ),
    (
      #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]}"#,
      .emptyResponse
    ),
    (#"{"messages": [{"role": "user", "content": "a"}]}"#, .lastTurnNotAssistant),
    (
      #"{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}"#,
      .unknownRole("tool")
    ),
    (#"{"messages": [{"content": "a"}]}"#, .missingField("role")),
    (
      #"{"messages": [{"role": "user", "content": [{"type": "text"}]}]}"#,
      .wrongType(field: "content", expected: "a string")
    ),
    (#"{"conversations": [{"from": "human"}]}"#, .missingField("value")),
    (#"{"system": 3, "conversations": []}"#, .wrongType(field: "system", expected: "a string")),
    (#"{"b": 1, "a": 2}"#, .noKnownFields(["a", "b"])),
    ("{}", .noKnownFields([])),
    ("[1]", .notAnObject),
    ("3", .notAnObject),
    ("null", .notAnObject),
    (#""text""#, .notAnObject),
  ])
  func badRows(line: String, reason: BadRow.Reason) throws {
    #expect(try folder.reason(Array(line.utf8)) == reason)
  }

  @Test(arguments: [
    "{", #"{"text": "a""#, #"{"text": "a"} x"#, #"{"text": "a"}{"text": "b"}"#,
    #"{"text": "\ud800"}"#,
    #"{"text": "\ud800\u0041"}"#, #"{"text": "\x"}"#, #"{'text': 'a'}"#,
    "nonsense",
    "{\"text\": \"a\u{1}\"}", "{\"text\": \"a\"}\u{0}", String(repeating: "[", count: 100_000),
    #"{"text": "# + String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)
      + "}",
  ])
  func notJSON(line: String) throws {
    guard case .notJSON(let detail)? = try folder.reason(Array(line.utf8)) else {
      Issue.record("\(line.prefix(40)) was taken")
      return
    }
    #expect(!detail.isEmpty && !detail.contains("\n"))
  }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80],
    ] as [[UInt8]])
  func notUTF8(bytes: [UInt8]) throws {
    #expect(try folder.reason(Array(#"{"text": ""#.utf8) + bytes + Array(#""}"#.utf8)) == .notUTF8)
  }
}
