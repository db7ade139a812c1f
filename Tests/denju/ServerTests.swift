import Foundation
import TestSupport
import Testing

/// `denju serve` over a real socket: what a process, its signals and its connections are needed for. What the
/// router answers is tested in `ServingTests`.
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

    func complete(_ fields: String) throws -> ChatAnswer {
      try client.post(ServerTests.path, "{\(fields)}")
    }
  }

  static let path = "/v1/chat/completions"

  static let messages = #""messages": [{"role": "user", "content": "What is the thing?"}]"#

  static func body(_ more: String) -> String {
    "{" + messages + ", " + more + "}"
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `answers as the terminal does, and a signal ends it`(signal: Int32) throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let terminal = try workshop.generate("What is the thing?")
    let server = try Server(workshop)
    let whole = try server.client.post(
      Self.path, Self.body(#""max_tokens": 12, "repetition_penalty": 2"#))
    #expect(whole.status == 200)
    #expect(try whole.completion.content == terminal.text)
    let streamed = try server.client.post(
      Self.path, Self.body(#""max_tokens": 12, "repetition_penalty": 2, "stream": true"#))
    let pieces = try streamed.events.dropLast().map(ChatCompletion.init)
    #expect(pieces.compactMap { $0.choices.first?.delta?.content }.joined() == terminal.text)
    #expect(server.process.send(signal))
    #expect(server.process.wait().status == 0)
  }

  @Test func `its flags reach it`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let content = try workshop.digest()
    let server = try Server(
      workshop, "--name", "city", "--body-limit", "4096", "--read-only")
    #expect(try server.client.get("/v1/models").body.contains(#""id":"city""#))
    let large = Self.body(#""stop": "\#(String(repeating: "x", count: 5000))""#)
    #expect(try server.client.post(Self.path, large).status == 413)
    #expect(try server.client.post(Self.path, Self.body(#""max_tokens": 2"#)).status == 200)
    #expect(try workshop.digest() == content)
  }

  /// The answer that nobody reads any more is ended, and the next client's turn comes.
  @Test func `a client that leaves in the middle of a stream`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try Server(workshop)
    let more = #""max_tokens": 150, "temperature": 1, "stream": true"#
    for _ in 0..<4 { try server.client.postAndLeave(Self.path, Self.body(more)) }
    let next = try server.client.post(Self.path, Self.body(#""max_tokens": 2"#))
    #expect(next.status == 200)
    #expect(server.process.send(SIGTERM))
    #expect(server.process.wait().status == 0)
  }

  @Test func `a port that is taken is one line`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    let server = try Server(workshop)
    // It stores nothing, or the cache's one writer would be the reason.
    let second = try workshop.denju(
      "serve", "--run", "run", "--read-only", "--port", "\(server.client.port)")
    expectRefusal(second, "Address already in use")
    #expect(try server.client.get("/health").status == 200)
  }
}
