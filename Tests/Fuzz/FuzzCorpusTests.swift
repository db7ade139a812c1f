import Foundation
import Testing

/// What fuzzing found worth keeping, and whole files for it to begin with: no parser crashes on any of it.
/// `Tests/Fuzz/run.sh` looks for more.
@Suite struct FuzzCorpusTests {
  private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  @Test(arguments: FuzzTarget.allCases)
  func nothingCrashes(target: FuzzTarget) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("denju-fuzz-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let inputs = try FileManager.default.contentsOfDirectory(
      at: Self.here.appendingPathComponent("corpus/\(target.rawValue)"),
      includingPropertiesForKeys: nil)
    #expect(!inputs.isEmpty)
    for input in inputs { target.run(Array(try Data(contentsOf: input)), in: folder.path) }
    target.run([], in: folder.path)
  }
}
