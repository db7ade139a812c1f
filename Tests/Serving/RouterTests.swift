import Foundation
import Serving
import TestSupport
import Testing

/// The server's paths, and what it refuses.
@Suite struct RouterTests {
  @Test func `models and health`() async throws {
    let server = try RouterClient(TinyRun()) { $0.modelName = "city" }
    #expect(try await server.get("/health").status == 200)
    let models = try await server.get("/v1/models")
    #expect(models.status == 200)
    #expect(models.body.contains(#""id":"city""#))
  }

  @Test func `what can't be answered gets a status and a reason as JSON`() async throws {
    let server = try RouterClient(TinyRun()) { $0.bodyLimit = 4096 }
    let messages = CompletionTests.messages(Workshop.newPrompt)
    let path = "/v1/chat/completions"
    let long = String(repeating: "long ", count: 500)
    let cases: [(ChatAnswer, Int, String)] = [
      (try await server.get("/v1/nothing"), 404, "/v1/nothing"),
      (try await server.post(path, "{"), 400, "JSON"),
      (try await server.post(path, ""), 400, "JSON"),
      (try await server.post(path, "[]"), 400, "no JSON object"),
      (try await server.complete(messages + #", "max_tokens": 2.5"#), 400, "not whole"),
      (try await server.complete(messages + #", "max_tokens": -3"#), 400, "max_tokens is -3"),
      (try await server.complete(messages + #", "top_p": 2"#), 400, "top_p is 2"),
      (try await server.complete(#""stream": false"#), 400, "messages"),
      (try await server.complete(#""messages": []"#), 400, "messages"),
      (
        try await server.complete(
          #""messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]"#),
        400, "plain prompts"
      ),
      (try await server.complete(#""messages": "hello""#), 400, "messages"),
      (try await server.complete(messages + #", "model": "gpt-9""#), 404, "gpt-9"),
      (try await server.complete(messages + #", "temperature": -1"#), 400, "temperature"),
      (try await server.complete(messages + #", "n": 2"#), 400, "only 1"),
      (try await server.complete(messages + #", "tools": []"#), 400, "tools"),
      (try await server.complete(messages + #", "max_tokens": 0"#), 400, "max"),
      (
        try await server.complete(#""messages": [{"role": "user", "content": "\#(long)"}]"#), 400,
        "tokens"
      ),
      (
        try await server.complete(
          #""messages": [{"role": "user", "content": "\#(String(repeating: "x", count: 5000))"}]"#),
        413, "4096"
      ),
    ]
    for (answer, status, word) in cases {
      #expect(answer.status == status, "\(answer.body)")
      #expect(answer.body.contains(word), "\(word) is not in \(answer.body)")
      let body = try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any]
      #expect(body?["error"] is [String: Any])
    }
    #expect(try await server.complete(messages + #", "max_tokens": 2"#).status == 200)
  }
}
