import Foundation
import TestSupport
import Testing

/// Training needs the cache alone: no source, not the place where it was made, not its maker.
@Suite struct SourceGoneTests {
  @Test func `the source deleted and the cache moved`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    try FileManager.default.removeItem(atPath: workshop.source.path)
    try FileManager.default.createDirectory(
      atPath: workshop.path("else where"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(
      atPath: workshop.cache, toPath: workshop.path("else where/moved.db"))
    let moved = workshop.training("again").map { $0 == "cache.sqlite" ? "else where/moved.db" : $0 }
    expectSuccess(try workshop.denju(moved))
    for place in ["best", "last"] {
      #expect(
        try workshop.bytes("run/\(place)/model.safetensors")
          == workshop.bytes("again/\(place)/model.safetensors"))
    }
    expectSuccess(try workshop.denju("evaluate", "--run", "again", "--loss-only"))
    expectSuccess(try workshop.denju("generate", "--run", "again", Workshop.cachedPrompt))
  }

  static let canBecomeAnother =
    geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")

  @Test(.enabled(if: canBecomeAnother, "needs root and setpriv, to become another user"))
  func `another user`() throws {
    let workshop = try Workshop()
    try workshop.prepare()
    try FileManager.default.removeItem(atPath: workshop.source.path)
    // As when the file is handed over: it is theirs to read, in a folder that they can't write to.
    chmod(workshop.folder, 0o777)
    chmod(workshop.cache, 0o444)
    let program = workshop.path("denju")
    // Copied by another process: one that this process has open for writing can't be run.
    expectSuccess(
      try RunningProgram("/bin/cp", [Program.path, program], in: workshop.folder).wait())
    chmod(program, 0o755)
    let arguments =
      ["--reuid=65534", "--regid=65534", "--clear-groups", program] + workshop.training("theirs")
    expectSuccess(try RunningProgram("/usr/bin/setpriv", arguments, in: workshop.folder).wait())
    #expect(
      try workshop.bytes("run/best/model.safetensors")
        == workshop.bytes("theirs/best/model.safetensors"))
  }

  /// The states are as sensitive as the text.
  @Test func `a cache is its owner's alone`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    let attributes = try FileManager.default.attributesOfItem(atPath: workshop.cache)
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
  }
}
