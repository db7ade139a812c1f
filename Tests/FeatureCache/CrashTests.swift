import FeatureCache
import Foundation
import TestSupport
import Testing

/// Kills, full disks and crowded ones.
@Suite struct CrashTests {
  let fixture: TinyCache

  init() throws {
    fixture = try TinyCache()
  }

  private func fill(_ cache: FeatureCache, _ numbers: Range<Int>) throws {
    for number in numbers {
      try cache.put([try TinyCache.entry(cache, TinyCache.document(number, tokens: 90, shared: 64))]
      )
    }
  }

  /// What a kill leaves is the file and its log as they are at that moment, the log perhaps half
  /// written. So: a log cut at any place, opened again, holds some first part of what was put, and
  /// putting all again gives the same content.
  @Test func aKillAtAnyMomentLosesNothingButTheLastTransactions() throws {
    let live = try fixture.create("live.sqlite")
    try fill(live, 0..<12)
    let complete = try live.contentDigest()
    let file = try Data(contentsOf: URL(fileURLWithPath: fixture.path("live.sqlite")))
    let log = try Data(contentsOf: URL(fileURLWithPath: fixture.path("live.sqlite-wal")))
    #expect(log.count > 12 * 4096)
    var last = 0
    for count in stride(from: 0, through: log.count, by: 4_001) {
      try file.write(to: URL(fileURLWithPath: fixture.path()))
      try log.prefix(count).write(to: URL(fileURLWithPath: fixture.path() + "-wal"))
      let cache = try FeatureCache.open(fixture.path(), .write)
      let documents = try cache.documents()
      #expect(
        try documents.map { try cache.document($0.id).line } == Array(1..<(documents.count + 1)))
      #expect(documents.count >= last)
      last = documents.count
      #expect(try cache.verify() == [])
      try fill(cache, 0..<12)
      #expect(try cache.contentDigest() == complete)
      try cache.close()
    }
    #expect(last >= 11)
  }

  @Test func aKilledWriterHoldsNoLock() throws {
    try fixture.create().close()
    // `flock` takes the lock as a writer of ours would, until it is killed.
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "flock", "-F", fixture.path() + ".lock", "sh", "-c", "echo held; exec sleep 60",
    ]
    process.standardOutput = output
    try process.run()
    #expect(output.fileHandleForReading.availableData == Data("held\n".utf8))
    #expect(throws: CacheError.writerPresent(path: fixture.path(), holder: "another process")) {
      try FeatureCache.open(fixture.path(), .write)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try FeatureCache.open(fixture.path(), .write).close()
  }

  @Test func aFullDiskIsAClearErrorAndLeavesTheCacheIntact() throws {
    let cache = try FeatureCache.create(
      fixture.path(), identity: fixture.identity(codec: "float32", width: 64),
      source: fixture.source,
      pageSize: nil, maximumPages: 60)
    var stored = 0
    let error = #expect(throws: CacheError.self) {
      for number in 0..<100 {
        try cache.put([try TinyCache.entry(cache, TinyCache.document(number, tokens: 60))])
        stored += 1
      }
    }
    #expect(error?.description.hasPrefix("the disk is full: can't store documents in ") == true)
    #expect(stored > 0)
    #expect(try cache.documents().count == stored)
    #expect(try cache.verify() == [])
    try cache.close()
    let again = try FeatureCache.open(fixture.path(), .write)
    try again.put([try TinyCache.entry(again, TinyCache.document(99, tokens: 60))])
    #expect(try again.verify() == [])
  }

  @Test func workThatWouldNotFitIsRefused() throws {
    let free = try DiskSpace.available(at: fixture.path("absent.sqlite"))
    #expect(free > 0)
    try DiskSpace.require(1, at: fixture.path("absent.sqlite"))
    let error = #expect(throws: CacheError.self) { try DiskSpace.require(.max, at: fixture.path()) }
    #expect(error?.description.contains("would need 9223.4 PB") == true)
  }

  @Test func manyThreadsReadWhileOneWrites() async throws {
    let cache = try fixture.create()
    try fill(cache, 0..<4)
    let path = fixture.path()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let reader = try FeatureCache.open(path)
          for _ in 0..<20 {
            let entries = try reader.documents()
            for entry in entries { _ = try TinyCache.read(reader, entry.id) }
          }
        }
      }
      group.addTask { try self.fill(cache, 4..<40) }
      try await group.waitForAll()
    }
    #expect(try cache.documents().count == 40)
    #expect(try cache.verify() == [])
  }
}
