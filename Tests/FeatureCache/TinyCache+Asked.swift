import FeatureCache
import Foundation
import Identity
import TestSupport
import Testing

extension TinyCache {
  /// What a cache says in refusing: one line.
  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch {
      #expect(error is CacheError)
      #expect(!"\(error)".contains("\n"))
      return "\(error)"
    }
  }

  /// What stock `sqlite3` prints.
  static func sqlite3(_ path: String, _ sql: String) throws -> String {
    try run("sqlite3", [path, sql])
  }

  /// What a program prints.
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }
}

extension TinyCache {
  /// An identity of states that depend on their whole documents.
  func documentIdentity(codec: String = "int8") -> CacheIdentity {
    var identity = identity(codec: codec)
    identity.scope = .document
    return identity
  }
}
