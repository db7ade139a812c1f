import Foundation

/// A folder of its own, removed with its owner.
package final class TemporaryFolder: Sendable {
  package let path: String

  /// - Parameter folder: what it begins as a copy of; `nil`: it begins empty.
  package init(copying folder: String? = nil) throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-test-\(UUID().uuidString)").path
    if let folder {
      try FileManager.default.copyItem(atPath: folder, toPath: path)
    } else {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Runs `body` with a folder that is there until it ends, whatever `body` keeps of it.
  package static func with<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    return try withExtendedLifetime(folder) { try body(folder) }
  }

  package var url: URL { URL(fileURLWithPath: path) }

  /// The path of a file or folder in it, there or not.
  package func path(_ name: String) -> String { path + "/" + name }

  /// Writes a file and returns its path.
  @discardableResult
  package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }

  @discardableResult
  package func write(_ name: String, _ text: String) throws -> String {
    try write(name, Array(text.utf8))
  }

  /// Copies a file into it and returns the copy's path.
  @discardableResult
  package func copy(_ file: String, as name: String) throws -> String {
    try FileManager.default.copyItem(atPath: file, toPath: path(name))
    return path(name)
  }

  package func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  package func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }
}
