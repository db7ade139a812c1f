import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The right to write a cache: an advisory lock on a file beside it, which names the holder.
///
/// The operating system frees the lock when its holder ends, however it ends, so a lock is never
/// stale. It is taken on a file of its own, since closing any descriptor of the database itself
/// would drop SQLite's locks.
final class WriterLock: Sendable {
  private let path: String
  private let descriptor: Mutex<CInt?>

  /// Throws `writerPresent` when another holds it.
  init(cache: String) throws(CacheError) {
    path = Self.path(beside: cache)
    var status = stat()
    let isThere = stat(cache, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    guard !isThere || status.st_nlink <= 1 else {
      throw .refused(
        path: cache, operation: "write",
        reason: "it has another name, a hard link, under which another program could write it too; "
          + "make a copy of it, and write that")
    }
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else {
        throw .refused(path: cache, operation: "lock", reason: systemMessage())
      }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let reason = errno
        let holder = Self.holder(descriptor)
        close(descriptor)
        guard reason == EWOULDBLOCK else {
          throw .refused(path: cache, operation: "lock", reason: systemMessage(reason))
        }
        throw .writerPresent(path: cache, holder: holder)
      }
      // The file may have been removed by its last holder between opening and locking it.
      if Self.isSameFile(descriptor, path) {
        Self.name(descriptor)
        self.descriptor = Mutex(descriptor)
        return
      }
      close(descriptor)
    }
  }

  deinit {
    release()
  }

  /// Frees the lock and removes its file; again has no effect.
  func release() {
    descriptor.withLock { descriptor in
      guard let held = descriptor else { return }
      unlink(path)
      close(held)
      descriptor = nil
    }
  }

  static func path(beside cache: String) -> String {
    cache + ".lock"
  }

  private static func name(_ descriptor: CInt) {
    let since = Date.now.formatted(.iso8601)
    let text = Array(
      "process \(getpid()) on \(ProcessInfo.processInfo.hostName) since \(since)\n".utf8)
    // What the file says is for people alone; the lock holds without it.
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
  }

  private static func holder(_ descriptor: CInt) -> String {
    var text = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &text, text.count, 0)
    let line = text.prefix(max(count, 0)).prefix { $0 != UInt8(ascii: "\n") }
    return line.isEmpty ? "another process" : String(decoding: line, as: UTF8.self)
  }

  private static func isSameFile(_ descriptor: CInt, _ path: String) -> Bool {
    var held = stat()
    var named = stat()
    return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino
      && held.st_dev == named.st_dev
  }
}
