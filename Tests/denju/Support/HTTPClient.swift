import Foundation
import TestSupport

/// Just enough HTTP to ask a server on this machine: one request a connection.
struct HTTPClient {
  let port: UInt16

  func get(_ path: String) throws -> ChatAnswer { try send("GET", path, "") }
  func post(_ path: String, _ body: String) throws -> ChatAnswer { try send("POST", path, body) }

  func send(_ method: String, _ path: String, _ body: String) throws -> ChatAnswer {
    try send(Self.request(method, path, body))
  }

  /// Sends these very bytes, and reads until the server closes the connection.
  func send(_ text: String) throws -> ChatAnswer {
    let connection = try open()
    defer { close(connection) }
    write(text, to: connection)
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(connection, &buffer, buffer.count, 0), count > 0 {
      answer += buffer[..<count]
    }
    return try Self.parse(answer)
  }

  /// Reads the beginning of the answer and closes the connection.
  func postAndLeave(_ path: String, _ body: String) throws {
    let connection = try open()
    defer { close(connection) }
    write(Self.request("POST", path, body), to: connection)
    var byte: UInt8 = 0
    guard recv(connection, &byte, 1, 0) == 1 else { throw POSIXError(.EPROTO) }
  }

  private static func request(_ method: String, _ path: String, _ body: String) -> String {
    """
    \(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
    """
  }

  private func open() throws -> Int32 {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard connection >= 0 else { throw POSIXError(.EMFILE) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(connection)
      throw POSIXError(.ECONNREFUSED)
    }
    return connection
  }

  private func write(_ text: String, to connection: Int32) {
    let request = Array(text.utf8)
    var sent = 0
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      // A server that refuses a body may close before it has read all of it.
      guard count > 0 else { break }
      sent += count
    }
  }

  private static func parse(_ bytes: [UInt8]) throws -> ChatAnswer {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n"),
      let status = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw POSIXError(.EPROTO) }
    let head = text[..<end.lowerBound].lowercased()
    let body = Array(text[end.upperBound...].utf8)
    guard head.contains("transfer-encoding: chunked") else {
      return ChatAnswer(status: status, head: head, body: String(decoding: body, as: UTF8.self))
    }
    var rest = body[...]
    var whole: [UInt8] = []
    while let line = rest.firstIndex(of: UInt8(ascii: "\r")),
      let size = Int(String(decoding: rest[..<line], as: UTF8.self), radix: 16), size > 0
    {
      let start = line + 2
      whole += rest[start..<min(start + size, rest.endIndex)]
      rest = rest.dropFirst(min(start + size + 2, rest.endIndex) - rest.startIndex)
    }
    return ChatAnswer(status: status, head: head, body: String(decoding: whole, as: UTF8.self))
  }
}
