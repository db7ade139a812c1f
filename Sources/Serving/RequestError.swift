import Foundation
import Generation
import Hummingbird

/// Why a request gets no answer; told to the client in the OpenAI API's form.
enum RequestError: Error, Sendable {
  case invalid(field: String, reason: String)
  case malformed(String)
  case tooLarge(limit: Int)
  case unknownModel(asked: String, served: String)
  case unknownPath(String)
  case wrongMethod(String, path: String, allowed: String)
  /// What the HTTP library found wrong.
  case http(HTTPResponse.Status, String)
  case busy(waiting: Int)
  case failed(String)

  var status: HTTPResponse.Status {
    switch self {
    case .invalid, .malformed: .badRequest
    case .tooLarge: .contentTooLarge
    case .unknownModel, .unknownPath: .notFound
    case .wrongMethod: .methodNotAllowed
    case .http(let status, _): status
    case .busy: .serviceUnavailable
    case .failed: .internalServerError
    }
  }

  var message: String {
    switch self {
    case .invalid(let field, let reason): "\(field) \(reason)"
    case .malformed(let reason): "the body is not a chat request: \(reason)"
    case .tooLarge(let limit): "the body is larger than \(limit) bytes"
    case .unknownModel(let asked, let served):
      "there is no model \"\(asked)\": this is \"\(served)\""
    case .unknownPath(let path): "there is nothing at \(path)"
    case .wrongMethod(let method, let path, let allowed):
      "\(path) does not answer \(method): use \(allowed)"
    case .http(_, let reason): reason
    case .busy(let waiting): "\(waiting) requests are waiting already: try again later"
    case .failed(let reason): reason
    }
  }

  private var field: String? {
    if case .invalid(let field, _) = self { field } else { nil }
  }

  /// Any error as one of these.
  init(_ error: any Error) {
    switch error {
    case let error as RequestError: self = error
    case GenerationError.invalidOption(let name, let found, let allowed):
      self = .invalid(field: Self.field(name), reason: "is \(found): \(allowed)")
    case let error as GenerationError where error.isOfTheRequest:
      self = .invalid(field: "messages", reason: "can't be answered: \(error)")
    case let error as DecodingError: self = .malformed(Self.reason(error))
    default: self = .failed("\(error)")
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    let context: DecodingError.Context
    switch error {
    case .keyNotFound(let key, let found):
      return place(found.codingPath + [key]) + " is missing"
    case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found):
      context = found
    @unknown default: return "\(error)"
    }
    let place = place(context.codingPath)
    return place.isEmpty
      ? "it is no JSON object, or a number in it is not whole or out of range"
      : place + " has the wrong type"
  }

  private static func place(_ path: [any CodingKey]) -> String {
    path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
  }

  /// The API's name of an option.
  private static func field(_ option: String) -> String {
    option == "max-new-tokens" ? "max_tokens" : option.replacing("-", with: "_")
  }

  /// {"error": {"message", "type", "param", "code"}}
  struct Body: Encodable {
    struct Detail: Encodable {
      let message: String
      let type: String
      let param: String?
    }
    let error: Detail
  }

  var body: Body {
    let type = status.code < 500 ? "invalid_request_error" : "server_error"
    return Body(error: .init(message: message, type: type, param: field))
  }

  func response() -> Response {
    var response = JSONResponse.make(body, status: status)
    if case .busy = self { response.headers[.retryAfter] = "1" }
    if case .wrongMethod(_, _, let allowed) = self { response.headers[.allow] = allowed }
    return response
  }
}

/// JSON bodies, keys sorted so that equal content has equal bytes.
enum JSONResponse {
  static func text(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // The values are strings, integers and options of them, which always encode.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  static func make(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(string: text(value))))
  }
}
