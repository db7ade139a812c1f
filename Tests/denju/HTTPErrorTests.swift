import Foundation
import TestSupport
import Testing

/// Every error of the server is the OpenAI API's error object.
@Suite struct HTTPErrorTests {
  struct Answer: Decodable {
    struct Detail: Decodable {
      let message: String
      let type: String
    }
    let error: Detail

    init(_ response: ChatAnswer) throws {
      self = try JSONDecoder().decode(Answer.self, from: Data(response.body.utf8))
    }
  }

  @Test func `a wrong method is 405, and the header says which there are`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try ServerTests.Server(workshop)
    let client = server.client
    for (method, path, allowed) in [
      ("GET", "/v1/chat/completions", "post"), ("DELETE", "/v1/chat/completions", "post"),
      ("POST", "/v1/models", "get"), ("PUT", "/health", "get"),
    ] {
      let response = try client.send(method, path, "")
      #expect(response.status == 405, "\(method) \(path)")
      #expect(response.head.contains("\r\nallow: \(allowed)"), "\(response.head)")
      #expect(response.head.contains("\r\ncontent-type: application/json"), "\(response.head)")
      let error = try Answer(response).error
      #expect(error.type == "invalid_request_error")
      #expect(error.message.contains(method) && error.message.contains(path), "\(error.message)")
    }
    // One more slash is another path, unless the server reads it as the same.
    #expect([404, 405].contains(try client.send("PUT", "/health/", "").status))
    #expect(try client.send("GET", "/v1", "").status == 404)
    // The answer to HEAD has no body: the next one would be taken for it.
    let head = try client.send("HEAD", "/health", "")
    #expect(head.status == 405 && head.body.isEmpty)
    #expect(!server.process.hasEnded)
  }

  @Test func `what fails in the server is 500`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    try FileManager.default.removeItem(atPath: workshop.source.path)
    let server = try ServerTests.Server(workshop)
    let response = try server.complete(ServerTests.messages)
    #expect(response.status == 500)
    #expect(try Answer(response).error.type == "server_error")
    let streamed = try server.complete(ServerTests.messages + #", "stream": true"#)
    let last = try #require(streamed.events.dropLast().last)
    let error = try JSONDecoder().decode(Answer.self, from: Data(last.utf8)).error
    #expect(error.type == "server_error")
    #expect(streamed.events.last == "[DONE]")
  }
}
