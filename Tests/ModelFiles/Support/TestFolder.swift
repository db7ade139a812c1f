import Foundation

/// A folder that is deleted with the object.
final class TestFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-files-\(UInt64.random(in: .min ... .max))").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try write(name, Array(text.utf8))
  }

  func copy(_ source: String, as name: String) throws -> String {
    let file = path + "/" + name
    try FileManager.default.copyItem(atPath: source, toPath: file)
    return file
  }
}

/// Files beside the tests and beside the checkout.
enum TestData {
  /// `Tests/ModelFiles`.
  private static let folder = (#filePath as NSString).deletingLastPathComponent + "/.."

  /// A committed vector.
  static func vector(_ name: String) -> String { folder + "/Vectors/" + name }

  /// The reference data: `DENJU_REFERENCE`, or `../shared/reference` beside the checkout.
  static let reference =
    ProcessInfo.processInfo.environment["DENJU_REFERENCE"] ?? folder
    + "/../../../shared/reference"

  static func hasReference(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: reference + "/" + name)
  }

  /// SmolLM2-135M-Instruct.Q4_1.gguf, where `DENJU_SMOLLM2` says.
  static let smolLM2 = ProcessInfo.processInfo.environment["DENJU_SMOLLM2"]

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}
