import Generation
import Hummingbird
import Logging
import Serving
import TestSupport

/// A server of a tiny run, asked in this process: its router answers without a socket.
struct RouterClient: Sendable {
  private let responder: any HTTPResponder<Context>
  // Sendable: nothing uses it any more; held so that the run's files stay while it is asked.
  nonisolated(unsafe) private let run: TinyRun

  init(
    _ run: TinyRun, stores: Bool = true,
    _ change: (inout ChatServer.Options) -> Void = { _ in }
  ) throws {
    self.run = run
    let generator = try TextGenerator(TextGenerator.Place(run: run.path, stores: stores))
    var options = ChatServer.Options(modelName: "run")
    change(&options)
    let server = ChatServer(generator, options: options, logger: Logger(label: "denju.tests"))
    responder = server.router(Context.self).buildResponder()
  }

  func get(_ path: String) async throws -> ChatAnswer { try await send(.get, path, "") }

  func post(_ path: String, _ body: String) async throws -> ChatAnswer {
    try await send(.post, path, body)
  }

  func complete(_ fields: String) async throws -> ChatAnswer {
    try await post("/v1/chat/completions", "{\(fields)}")
  }

  func send(
    _ method: HTTPRequest.Method, _ path: String, _ body: String
  ) async throws -> ChatAnswer {
    let request = Request(
      head: HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path),
      body: RequestBody(buffer: ByteBuffer(string: body)))
    let response = try await responder.respond(to: request, context: Context(source: Source()))
    let writer = Writer()
    try await response.body.write(writer)
    let head = response.headers.map { "\r\n\($0.name): \($0.value)" }.joined().lowercased()
    return ChatAnswer(status: response.status.code, head: head, body: writer.body.text)
  }

  /// A request that no connection brought.
  struct Source: RequestContextSource {
    let logger = Logger(label: "denju.tests")
  }

  struct Context: RequestContext {
    typealias Source = RouterClient.Source

    var coreContext: CoreRequestContextStorage

    init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
  }

  /// Keeps what is written.
  private struct Writer: ResponseBodyWriter {
    // Used by one task at a time: the one that writes, then the one that waited for it.
    final class Body { var text = "" }
    let body = Body()

    func write(_ buffer: ByteBuffer) { body.text += String(buffer: buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) {}
  }
}
