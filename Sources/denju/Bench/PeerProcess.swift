import Foundation

/// A program beside us that answers a line of JSON with a line of JSON; `Tests/Benchmarks/peer_protocol.py`
/// says how. It lives until nothing holds it any more.
final class PeerProcess {
  private struct Hello: Decodable {
    let peer: String
    let version: String
  }

  /// What the peer calls itself and what it is made of.
  let name: String
  let version: String

  private let process = Process()
  private let requests = Pipe()
  private let answers = Pipe()
  private let errors: URL
  private var buffer = Data()

  /// Starts it and waits until it has loaded what it needs.
  init(
    named name: String, program: String, arguments: [String], environment: [String: String] = [:]
  ) throws {
    errors = FileManager.default.temporaryDirectory.appendingPathComponent(
      "denju-peer-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: errors.path, contents: nil) else {
      throw BenchError.peer(name: name, reason: "can't write \(errors.path)")
    }
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = requests
    process.standardOutput = answers
    let failed: (String) -> BenchError = { .peer(name: name, reason: $0) }
    do {
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
    } catch {
      throw failed("can't start \(program): \(error.localizedDescription)")
    }
    guard let line = Self.line(answers.fileHandleForReading, &buffer) else {
      process.waitUntilExit()
      throw failed(Self.lastLine(errors))
    }
    guard let hello = try? JSONDecoder().decode(Hello.self, from: line) else {
      process.terminate()
      throw failed("it said \(String(decoding: line, as: UTF8.self))")
    }
    self.name = hello.peer
    version = hello.version
  }

  deinit {
    if process.isRunning {
      process.terminate()
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: errors)
  }

  func ask<Answer: Decodable>(_ request: some Encodable, as type: Answer.Type) throws -> Answer {
    // The pipe may be broken: then there is no answer either, and the peer's own words say why.
    try? requests.fileHandleForWriting.write(
      contentsOf: try JSONEncoder().encode(request) + Data([UInt8(ascii: "\n")]))
    guard let line = Self.line(answers.fileHandleForReading, &buffer) else {
      throw BenchError.peer(name: name, reason: Self.lastLine(errors))
    }
    guard let answer = try? JSONDecoder().decode(type, from: line) else {
      throw BenchError.peer(
        name: name, reason: "it said \(String(decoding: line, as: UTF8.self))")
    }
    return answer
  }

  /// The next line, without its end; nil where the peer has closed its output.
  private static func line(_ handle: FileHandle, _ buffer: inout Data) -> Data? {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        defer { buffer = Data(buffer[(end + 1)...]) }
        return Data(buffer[..<end])
      }
      let more = handle.availableData
      if more.isEmpty { return nil }
      buffer += more
    }
  }

  private static func lastLine(_ file: URL) -> String {
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").last.map(String.init)
    return line ?? "it ended without a word"
  }
}
