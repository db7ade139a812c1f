import Foundation
import TestSupport
import Testing

/// `denju serve`, asked over HTTP.
@Suite(.serialized) struct ServerTests {
  /// A server under way; it ends with this value.
  final class Server {
    let process: RunningProgram
    let client: HTTPClient

    init(_ workshop: Workshop, _ more: String...) throws {
      let process = try workshop.start(["serve", "--run", "run", "--port", "0"] + more)
      let port = { () -> UInt16? in
        process.text("stderr").firstMatch(of: #/http://127\.0\.0\.1:([0-9]+)/v1/#)
          .flatMap { UInt16($0.1) }
      }
      process.waitUntil { port() != nil }
      self.process = process
      client = HTTPClient(port: try #require(port(), Comment(rawValue: process.text("stderr"))))
    }

    func complete(_ fields: String) throws -> HTTPClient.Response {
      try client.post("/v1/chat/completions", "{\(fields)}")
    }
  }

  struct Completion: Decodable {
    struct Choice: Decodable {
      struct Message: Decodable { let content: String? }
      let message: Message?
      let delta: Message?
      let finishReason: String?
    }
    struct Usage: Decodable {
      let promptTokens: Int
      let completionTokens: Int
      let totalTokens: Int
    }
    let object: String
    let choices: [Choice]
    let usage: Usage?
    let states: String?

    init(_ json: String) throws {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      self = try decoder.decode(Completion.self, from: Data(json.utf8))
    }
  }

  static let messages = #""messages": [{"role": "user", "content": "What is the thing?"}]"#

  /// A prompt on the terminal is what one user message is to the server, whether the run was trained on
  /// plain prompts or on conversations.
  @Test(arguments: ["prompt", "aligned"], ["plain", "messages"])
  func `answers as the terminal does, whole and streamed, recomputed and reused`(
    conditioning: String, form: String
  ) throws {
    let workshop = try Workshop()
    if form == "messages" { try workshop.writeConversations() }
    try workshop.prepare(conditioning: conditioning)
    let terminal = try workshop.generate("What is the thing?")
    let more = #", "max_tokens": 12, "repetition_penalty": 2"#

    let server = try Server(workshop)
    let first = try server.complete(Self.messages + more)
    #expect(first.status == 200)
    let whole = try Completion(first.body)
    #expect(whole.object == "chat.completion")
    #expect(whole.choices.first?.message?.content == terminal.text)
    #expect(whole.usage?.promptTokens == terminal.promptTokens)
    #expect(whole.usage?.completionTokens == terminal.ids.count)
    #expect(whole.usage?.totalTokens == terminal.promptTokens + terminal.ids.count)
    #expect(whole.states == (conditioning == "prompt" ? "recomputed" : "stepped"))

    let again = try Completion(server.complete(Self.messages + more).body)
    #expect(again.choices.first?.message?.content == terminal.text)
    #expect(again.states == (conditioning == "prompt" ? "reused" : "stepped"))

    let streamed = try server.complete(Self.messages + more + #", "stream": true"#)
    #expect(streamed.status == 200)
    #expect(streamed.events.last == "[DONE]")
    let pieces = try streamed.events.dropLast().map(Completion.init)
    #expect(pieces.allSatisfy { $0.object == "chat.completion.chunk" })
    #expect(pieces.compactMap { $0.choices.first?.delta?.content }.joined() == terminal.text)
    #expect(
      pieces.last?.choices.first?.finishReason == whole.choices.first?.finishReason)

    #expect(server.process.send(SIGTERM))
    #expect(server.process.wait().status == 0)
  }

  @Test func `models and health`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try Server(workshop, "--name", "city")
    #expect(try server.client.get("/health").status == 200)
    let models = try server.client.get("/v1/models")
    #expect(models.status == 200)
    #expect(models.body.contains(#""id":"city""#))
  }

  @Test func `what can't be answered gets a status and a reason as JSON`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try Server(workshop, "--body-limit", "4096")
    let long = String(repeating: "long ", count: 500)
    let cases: [(HTTPClient.Response, Int, String)] = [
      (try server.client.get("/v1/nothing"), 404, "/v1/nothing"),
      (try server.client.post("/v1/chat/completions", "{"), 400, "JSON"),
      (try server.client.post("/v1/chat/completions", ""), 400, "JSON"),
      (try server.complete(#""stream": false"#), 400, "messages"),
      (try server.complete(#""messages": []"#), 400, "messages"),
      (
        try server.complete(
          #""messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]"#),
        400, "plain prompts"
      ),
      (try server.complete(#""messages": "hello""#), 400, "messages"),
      (try server.complete(Self.messages + #", "model": "gpt-9""#), 404, "gpt-9"),
      (try server.complete(Self.messages + #", "temperature": -1"#), 400, "temperature"),
      (try server.complete(Self.messages + #", "n": 2"#), 400, "only 1"),
      (try server.complete(Self.messages + #", "tools": []"#), 400, "tools"),
      (try server.complete(Self.messages + #", "max_tokens": 0"#), 400, "max"),
      (
        try server.complete(#""messages": [{"role": "user", "content": "\#(long)"}]"#), 400,
        "tokens"
      ),
      (
        try server.complete(
          #""messages": [{"role": "user", "content": "\#(String(repeating: "x", count: 5000))"}]"#),
        413, "4096"
      ),
    ]
    for (response, status, word) in cases {
      #expect(response.status == status, "\(response.body)")
      #expect(response.body.contains(word), "\(word) is not in \(response.body)")
      let body = try JSONSerialization.jsonObject(with: Data(response.body.utf8)) as? [String: Any]
      #expect(body?["error"] is [String: Any])
    }
    #expect(try server.complete(Self.messages + #", "max_tokens": 2"#).status == 200)
  }

  @Test func `several clients at once get what each alone would`() async throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try Server(workshop)
    let client = server.client
    func body(_ number: Int) -> String {
      #"{"messages": [{"role": "user", "content": "Thing \#(number)?"}], "max_tokens": 8}"#
    }
    let alone = try (0..<4).map {
      try Completion(client.post("/v1/chat/completions", body($0)).body).choices.first?.message?
        .content
    }
    let together = try await withThrowingTaskGroup(of: (Int, String?).self) { group in
      for number in 0..<8 {
        group.addTask { [text = body(number % 4)] in
          let response = try client.post("/v1/chat/completions", text)
          return (number, try Completion(response.body).choices.first?.message?.content)
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (number, text) in together { #expect(text == alone[number % 4]) }
  }

  @Test func `a read-only server stores nothing`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let content = try workshop.digest()
    let server = try Server(workshop, "--read-only")
    for _ in 0..<2 {
      let answer = try Completion(server.complete(Self.messages + #", "max_tokens": 2"#).body)
      #expect(answer.states == "recomputed")
    }
    #expect(try workshop.digest() == content)
  }
}
