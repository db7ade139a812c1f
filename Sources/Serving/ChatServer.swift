import Foundation
import Generation
import Hummingbird
import Logging
import NIOCore
import NIOFoundationEssentialsCompat
import Tokenization

/// The HTTP server: chat completions in the OpenAI API's form, the list of models, and health.
///
///     POST /v1/chat/completions    streaming (server-sent events) and not
///     GET  /v1/models
///     GET  /health
public struct ChatServer: Sendable {
  public struct Options: Sendable {
    /// The address to listen on: the loopback address unless another is asked for.
    public var host = "127.0.0.1"
    public var port = 8080
    /// Largest request body, in bytes.
    public var bodyLimit = 1 << 20
    /// Requests that may wait; more are answered 503.
    public var queueLimit = 64
    /// What the model is called in requests and answers.
    public var modelName: String

    public init(modelName: String) { self.modelName = modelName }
  }

  private let options: Options
  private let queue: GenerationQueue
  private let logger: Logger

  public init(_ generator: TextGenerator, options: Options, logger: Logger) {
    self.options = options
    self.logger = logger
    queue = GenerationQueue(generator, capacity: options.queueLimit)
  }

  /// Serves until SIGINT or SIGTERM; requests under way are finished first.
  /// - Parameter onReady: called with the port once connections are accepted.
  public func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
    let application = Application(
      router: router(BasicRequestContext.self),
      configuration: .init(
        address: .hostname(options.host, port: options.port), serverName: "denju"),
      onServerRunning: { channel in await onReady(channel.localAddress?.port ?? options.port) },
      logger: logger)
    do {
      try await application.runService()
    } catch let error as IOError {
      throw ServingError.cannotListen(
        host: options.host, port: options.port, reason: String(cString: strerror(error.errnoCode)))
    }
  }

  /// A path, the one method that it answers, and its answer.
  private struct Endpoint {
    let path: String
    let method: HTTPRequest.Method
    let answer: @Sendable (Request) async throws -> Response
  }

  private var endpoints: [Endpoint] {
    [
      Endpoint(path: "/health", method: .get) { _ in JSONResponse.make(["status": "ok"]) },
      Endpoint(path: "/v1/models", method: .get) { _ in models() },
      Endpoint(path: "/v1/chat/completions", method: .post) { try await complete($0) },
    ]
  }

  /// What answers requests, whatever brings them: a connection, or a call in this process.
  package func router<Context: RequestContext>(_ context: Context.Type) -> Router<Context> {
    let router = Router(context: context)
    router.add(
      middleware: ErrorsAsJSON(
        methods: Dictionary(uniqueKeysWithValues: endpoints.map { ($0.path, $0.method) })))
    for endpoint in endpoints {
      router.on(RouterPath(endpoint.path), method: endpoint.method) { request, _ in
        try await endpoint.answer(request)
      }
    }
    return router
  }

  private func models() -> Response {
    struct Model: Encodable {
      let id: String
      var object = "model"
      var ownedBy = "denju"

      enum CodingKeys: String, CodingKey {
        case id, object
        case ownedBy = "owned_by"
      }
    }
    struct List: Encodable {
      var object = "list"
      let data: [Model]
    }
    return JSONResponse.make(List(data: [Model(id: options.modelName)]))
  }

  private func complete(_ request: Request) async throws -> Response {
    let body: ByteBuffer
    do {
      body = try await request.body.collect(upTo: options.bodyLimit)
    } catch {
      throw RequestError.tooLarge(limit: options.bodyLimit)
    }
    let chat = try JSONDecoder().decode(ChatRequest.self, from: Data(buffer: body))
    if let asked = chat.model, Array(asked.utf8) != Array(options.modelName.utf8) {
      throw RequestError.unknownModel(asked: asked, served: options.modelName)
    }
    try chat.sampling.validate()
    let events = try queue.answer(.messages(chat.messages), chat.sampling)
    let responder = ChatResponder(model: options.modelName)
    return chat.stream
      ? stream(events, responder) : try await whole(events, responder)
  }

  private func whole(
    _ events: AsyncThrowingStream<GenerationQueue.Event, any Error>, _ responder: ChatResponder
  ) async throws -> Response {
    for try await event in events {
      if case .finished(let result) = event { return JSONResponse.make(responder.whole(result)) }
    }
    throw RequestError.failed("the generation ended without a result")
  }

  private func stream(
    _ events: AsyncThrowingStream<GenerationQueue.Event, any Error>, _ responder: ChatResponder
  ) -> Response {
    let body = ResponseBody { writer in
      func send(_ text: String) async throws {
        try await writer.write(ByteBuffer(string: "data: \(text)\n\n"))
      }
      do {
        try await send(JSONResponse.text(responder.opening()))
        for try await event in events {
          switch event {
          case .text(let text): try await send(JSONResponse.text(responder.piece(text)))
          case .finished(let result):
            try await send(JSONResponse.text(responder.closing(result.finish)))
          }
        }
      } catch {
        // The status line is gone: the error becomes the stream's last event.
        try await send(JSONResponse.text(RequestError(error).body))
      }
      try await send("[DONE]")
      try await writer.finish(nil)
    }
    return Response(
      status: .ok,
      headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
      body: body)
  }
}

/// Turns every error, and a path or a method that leads nowhere, into the API's JSON form.
private struct ErrorsAsJSON<Context: RequestContext>: RouterMiddleware {
  /// The method that each path answers.
  let methods: [String: HTTPRequest.Method]

  func handle(
    _ request: Request, context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let response = told(error, request).response()
      // The answer to HEAD has the header alone.
      return request.method == .head ? response.createHeadResponse() : response
    }
  }

  private func told(_ error: any Error, _ request: Request) -> RequestError {
    guard let error = error as? any HTTPResponseError else { return RequestError(error) }
    guard error.status == .notFound else {
      return .http(error.status, (error as? HTTPError)?.body ?? error.status.reasonPhrase)
    }
    let path = request.uri.path
    let bare = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard let allowed = methods[bare] else { return .unknownPath(path) }
    return .wrongMethod(request.method.rawValue, path: path, allowed: allowed.rawValue)
  }
}
