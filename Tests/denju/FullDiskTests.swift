import Foundation
import TestSupport
import Testing

/// A disk that is full: one clear line, and what was there before is whole.
@Suite(.serialized) struct FullDiskTests {
  /// A small file system in memory, unmounted afterwards.
  final class SmallDisk {
    let path: String

    init?(_ path: String, kilobytes: Int) {
      self.path = path
      try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      guard mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else { return nil }
    }

    /// Takes all the room that is left.
    func fill() throws {
      let other = path + "/other"
      try Data().write(to: URL(fileURLWithPath: other))
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: other))
      defer { try? handle.close() }
      let block = Data(repeating: 1, count: 4096)
      while (try? handle.write(contentsOf: block)) != nil {}
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }
  }

  static let canMount: Bool = {
    let mounted = try? TemporaryFolder.with { SmallDisk($0.path("disk"), kilobytes: 64) != nil }
    return mounted ?? false
  }()

  @Test(.enabled(if: canMount, "needs the permission to mount a small disk"))
  func `precomputing onto a full disk`() throws {
    let workshop = try Workshop()
    let disk = try #require(SmallDisk(workshop.path("disk"), kilobytes: 1024))
    try workshop.write("more.jsonl", Workshop.rows(0..<4000))
    let arguments = [
      "--cache", "disk/cache.sqlite", "--conditioning", "aligned", "--codec", "float32",
    ]
    func precompute(_ corpus: String) throws -> Program.Outcome {
      try workshop.denju(["precompute", "--source", "source", "--train", corpus] + arguments)
    }
    expectSuccess(try precompute("train.jsonl"))
    let content = try workshop.digest(disk.path + "/cache.sqlite")
    expectRefusal(try precompute("more.jsonl"), "cache.sqlite")
    #expect(try workshop.digest(disk.path + "/cache.sqlite") == content)
    expectSuccess(try workshop.denju("cache", "verify", "disk/cache.sqlite"))
  }

  @Test(
    .enabled(if: canMount, "needs the permission to mount a small disk"),
    arguments: [
      ["merge", "disk/cache.sqlite", "other.sqlite"], ["compact", "disk/cache.sqlite"],
      ["purge", "disk/cache.sqlite", "--split", "validation"],
    ])
  func `changing a cache on a full disk`(arguments: [String]) throws {
    let workshop = try Workshop()
    try workshop.write("more.jsonl", Workshop.rows(100..<900))
    expectSuccess(try workshop.denju(workshop.precomputing("--conditioning", "aligned")))
    expectSuccess(
      try workshop.denju(
        "precompute", "--source", "source", "--train", "more.jsonl", "--cache", "other.sqlite",
        "--conditioning", "aligned"))
    let size = try workshop.bytes("cache.sqlite").count
    let disk = try #require(SmallDisk(workshop.path("disk"), kilobytes: size / 1024 + 4 * 64))
    try FileManager.default.copyItem(
      atPath: workshop.cache, toPath: disk.path + "/cache.sqlite")
    let before = try workshop.digest(disk.path + "/cache.sqlite")
    // Room for what a writer opens beside the file, and for little more.
    let block = Data(repeating: 1, count: 4096)
    let other = URL(fileURLWithPath: disk.path + "/other")
    try Data().write(to: other)
    let handle = try FileHandle(forWritingTo: other)
    while (try? handle.write(contentsOf: block)) != nil {}
    try handle.truncate(atOffset: UInt64(max(0, Int(try handle.offset()) - 12 * 4096)))
    try handle.close()
    let outcome = try workshop.denju(["cache"] + arguments)
    expectRefusal(outcome, "cache.sqlite", "disk is full")
    expectSuccess(try workshop.denju("cache", "verify", "disk/cache.sqlite"))
    // Where a purge could delete and not erase, it says what erases.
    #expect(
      try workshop.digest(disk.path + "/cache.sqlite") == before
        || arguments[0] == "purge" && outcome.errors.contains("cache compact"))
    try FileManager.default.removeItem(at: other)
    try FileManager.default.copyItem(
      atPath: disk.path + "/cache.sqlite", toPath: workshop.path("room.sqlite"))
    let again = ["cache"] + arguments.map { $0 == "disk/cache.sqlite" ? "room.sqlite" : $0 }
    expectSuccess(try workshop.denju(again))
    expectSuccess(
      try workshop.denju(
        ["cache"] + arguments.map { $0 == "disk/cache.sqlite" ? "cache.sqlite" : $0 }))
    #expect(try workshop.digest(workshop.path("room.sqlite")) == workshop.digest())
  }

  @Test(.enabled(if: canMount, "needs the permission to mount a small disk"))
  func `training onto a full disk keeps the last checkpoint`() throws {
    let workshop = try Workshop()
    expectSuccess(try workshop.denju(workshop.precomputing()))
    expectSuccess(try workshop.denju(workshop.training("whole")))
    let disk = try #require(SmallDisk(workshop.path("disk"), kilobytes: 4096))
    let process = try workshop.start(workshop.training("disk/run", "--checkpoint-seconds", "0.001"))
    process.waitUntil {
      FileManager.default.fileExists(atPath: disk.path + "/run/best/model.safetensors")
    }
    // What is left of the disk is taken by another.
    let other = disk.path + "/other"
    try Data().write(to: URL(fileURLWithPath: other))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: other))
    let block = Data(repeating: 1, count: 4096)
    while (try? handle.write(contentsOf: block)) != nil {}
    try handle.close()
    let outcome = process.wait()
    if outcome.status != 0 { expectRefusal(outcome, "disk/run") }
    try FileManager.default.removeItem(atPath: other)
    expectSuccess(
      try workshop.denju(
        workshop.training("disk/run", "--checkpoint-seconds", "0.001", "--resume")))
    #expect(
      try workshop.bytes("whole/last/model.safetensors")
        == workshop.bytes("disk/run/last/model.safetensors"))
  }
}
